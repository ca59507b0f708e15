"""Kernels that a browser cannot run, each for its own reason."""

import math
import random

import numpy as np
from numba import njit, objmode

jit = njit(error_model="numpy")


@jit
def allocates(p, out, work):
    a = np.zeros(int(p[0]) + 1)
    out[0] = a[0]


@jit
def allocates_without_filling(p, out, work):
    a = np.empty(int(p[0]) + 1)
    a[0] = p[1]
    out[0] = a[0]


@jit
def copies(p, out, work):
    a = p.copy()
    out[0] = a[1]


@jit
def makes_a_new_array(p, out, work):
    a = p * 2.0
    out[0] = a[int(p[0])]


@jit
def sorts(p, out, work):
    out[0] = np.sort(p)[0]


@jit
def draws_with_numpy(p, out, work):
    out[0] = np.random.random()


@jit
def draws_normal(p, out, work):
    out[0] = np.random.normal(0.0, 1.0)


@jit
def draws_with_python(p, out, work):
    out[0] = random.random()


@jit
def seeds(p, out, work):
    np.random.seed(1)
    out[0] = 1.0


@jit
def raises(p, out, work):
    if p[0] < 0.0:
        raise ValueError("negative")
    out[0] = p[0]


@jit
def raises_with_a_value(p, out, work):
    if p[0] < 0.0:
        raise ValueError(p[0])
    out[0] = p[0]


@jit
def asserts(p, out, work):
    assert p[0] >= 0.0
    out[0] = p[0]


@njit
def divides_as_python_does(p, out, work):
    out[0] = p[0] / p[1]


@jit
def prints(p, out, work):
    print(p[0])
    out[0] = p[0]


@jit
def grows_a_list(p, out, work):
    found = []
    for i in range(int(p[0])):
        found.append(p[0] * i)
    out[0] = found[-1]


@jit
def keeps_a_dictionary(p, out, work):
    found = {1: p[0]}
    found[int(p[0])] = p[1]
    out[0] = found[1]


@jit
def keeps_a_set(p, out, work):
    found = {1.0, p[0]}
    out[0] = len(found)


@jit
def writes_text(p, out, work):
    out[0] = len(str(int(p[0])))


@jit
def solves(p, out, work):
    out[0] = np.linalg.det(p[:4].reshape((2, 2)))


@jit
def multiplies_matrices(p, out, work):
    out[0] = np.dot(p, p)


@jit
def endless(x):
    return endless(x - 1.0)


@jit
def recurs_without_a_type(p, out, work):
    out[0] = endless(p[0])


@jit
def calls_python(p, out, work):
    with objmode(x="float64"):
        x = float(str(p[0]))
    out[0] = x


def plain(x):
    return x


@jit
def calls_a_plain_function(p, out, work):
    out[0] = plain(p[0])


@jit
def calls_another_libm_function(p, out, work):
    out[0] = math.erf(p[0])


@jit
def calls_gamma(p, out, work):
    out[0] = math.lgamma(p[0])


@jit
def copies_a_slice(p, out, work):
    out[0:8] = p[0:8]


@jit
def takes_a_number_apart(p, out, work):
    out[0], _ = math.frexp(p[0])
