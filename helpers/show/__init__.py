"""Figures from the files of runs, without TensorFlow. Importing any part puts the study's style in use."""

from pathlib import Path

import matplotlib.pyplot as plt

plt.style.use(Path(__file__).with_name("study.mplstyle"))
