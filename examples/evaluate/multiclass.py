"""Writes data sets for `evaluate bandit --format multiclass`: pip install scikit-learn; python multiclass.py FOLDER

Digits, wine, iris and breast cancer as scikit-learn has them, standardised, and two mixtures of Gaussians of 5,000
points: 20 features and 5 classes, 50 features and 10 classes, from `make_classification` with seed 1.
"""

import pathlib
import sys

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine, make_classification
from sklearn.preprocessing import StandardScaler



def mixture(features, informative, redundant, classes):
    return make_classification(
        5000,
        features,
        n_informative=informative,
        n_redundant=redundant,
        n_classes=classes,
        n_clusters_per_class=1,
        random_state=1,
    )


folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
sets = {
    "digits": load_digits(return_X_y=True),
    "wine": load_wine(return_X_y=True),
    "iris": load_iris(return_X_y=True),
    "cancer": load_breast_cancer(return_X_y=True),
    "mixture-20-5": mixture(20, 10, 2, 5),
    "mixture-50-10": mixture(50, 20, 5, 10),
}
for name, (features, classes) in sets.items():
    table = np.column_stack([StandardScaler().fit_transform(features), classes])
    formats = ["%.9g"] * features.shape[1] + ["%d"]
    np.savetxt(folder / f"{name}.csv", table, delimiter=",", fmt=formats)
