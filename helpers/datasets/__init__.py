"""From files as downloaded to batches of pixels: readers, the manifest, the split, the pipeline."""
