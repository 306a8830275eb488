"""The public face: what other code may rely on. This is the one list of it; names load when they are first used."""

from .attacks.attack import attack as attack
from .attacks.checks import check_attack as check_attack
from .attacks.evaluate import evaluate as evaluate
from .datasets.manifest import load_manifest as load_manifest
from .datasets.manifest import prepare_manifest as prepare_manifest
from .datasets.manifest import read_model_config as read_model_config
from .datasets.read import read_manifest as read_manifest
from .errors import StudyError as StudyError
from .explain.explanation import explain_model as explain_model
from .judge.statistics import wilson as wilson
from .networks.build import build_model as build_model
from .networks.build import load_model as load_model
from .phantoms import phantom as phantom
from .profiles import read_config as read_config
from .profiles import read_models as read_models
from .training.fit import train as train
from .training.predict import predict_test as predict_test
from .training.pretrain import pretrain as pretrain
