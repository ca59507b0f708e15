"""Kernels that are unusual but may run in a browser: p is (8,), out (24,), work (64,)."""

import math

import numpy as np
from numba import njit

jit = njit(error_model="numpy")

SMALL = np.cos(np.arange(64.0))
LARGE = np.sin(0.001 * np.arange(10_000.0))  # 80 kB: more than one page
MATRIX = np.arange(12.0).reshape(3, 4) / 7.0
WHOLE = np.array([3, -1, 4, 1, -5, 9, 2, 6], dtype=np.int64)
TUPLE = (0.5, -1.25, 3.75, 1e-300, 1e300)
BYTES = np.arange(256, dtype=np.uint8)[::-1].copy()


@jit
def arithmetic(p, out, work):
    """Only + - * / sqrt: nothing may differ."""
    x = p[0]
    for k in range(24):
        x = math.sqrt(x * x + p[k % 8] / (1.0 + k)) - 0.3 * x + p[1] / (x * x + 1.0)
        out[k] = x


@jit
def small_table(p, out, work):
    for k in range(24):
        out[k] = SMALL[(k + int(p[0])) % 64] * p[1]


@jit
def large_table(p, out, work):
    total = 0.0
    for i in range(LARGE.size):
        total += LARGE[i] * p[i % 8]
    for k in range(24):
        out[k] = total + LARGE[(400 * k + int(p[0])) % 10_000]
        work[k] = out[k]


@jit
def many_tables(p, out, work):
    for k in range(24):
        i = (k + int(p[0])) % 3
        out[k] = MATRIX[i, k % 4] + WHOLE[(k + i) % 8] + TUPLE[k % 3] + BYTES[(7 * k + i) % 256]


@jit
def tuple_by_index(p, out, work):
    for k in range(24):
        out[k] = TUPLE[(k + int(p[0])) % 5]


@jit
def fibonacci(n):
    if n < 2:
        return n
    return fibonacci(n - 1) + fibonacci(n - 2)


@njit("int64(int64, int64)", error_model="numpy")
def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, n + 1)
    return ackermann(m - 1, ackermann(m, n - 1))


@jit
def recursion(p, out, work):
    for k in range(18):
        out[k] = fibonacci(k + int(p[0]) % 3)
    for k in range(18, 24):
        out[k] = ackermann(2, k - 18)


@jit
def both(a, b):
    return a + b, a - b, (a * b, a / (1.0 + b * b))


@jit
def minmax(a, b):
    return (a, b) if a < b else (b, a)


@jit
def functions_and_tuples(p, out, work):
    for k in range(6):
        a, b, c = both(p[k], p[k + 1])
        low, high = minmax(a, b)
        out[4 * k], out[4 * k + 1] = low, high
        out[4 * k + 2], out[4 * k + 3] = c


@jit
def libm(p, out, work):
    x = p[0]
    y = p[1]
    out[0], out[1], out[2] = math.sin(x), math.cos(x), math.tan(x)
    out[3], out[4], out[5] = math.asin(x / 10.0), math.acos(x / 10.0), math.atan(x)
    out[6], out[7], out[8] = math.sinh(x), math.cosh(x), math.tanh(x)
    out[9], out[10], out[11] = math.exp(-x), math.expm1(x), math.log(1.0 + x * x)
    out[12], out[13], out[14] = math.log10(1.0 + y * y), math.log1p(y * y), math.pow(1.0 + x * x, y)
    out[15], out[16], out[17] = math.atan2(y, x), math.hypot(x, y), math.sqrt(abs(x))
    out[18], out[19], out[20] = math.floor(x), math.ceil(y), math.fabs(x)
    out[21], out[22], out[23] = np.log2(1.0 + x * x), np.cbrt(x), np.exp(y)


@jit
def integers(p, out, work):
    a = int(p[0] * 10.0) - 20
    b = int(p[1] * 10.0) + 3
    for k in range(8):
        n = a * (k + 1)
        d = b if k % 2 == 0 else -b
        out[k] = n // d
        out[8 + k] = n % d
        out[16 + k] = (n ^ d) + (n << 3) + (n >> 2) + (n & d) - (n | d)


@jit
def while_loops(p, out, work):
    for k in range(24):
        n = k + 1 + int(p[0])
        steps = 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
            if steps > 500:
                break
        out[k] = steps


@jit
def own_random_numbers(p, out, work):
    """xorshift: 64-bit integers that wrap."""
    s = np.uint64(p[0] * 1000.0 + 1.0)
    for k in range(24):
        s ^= s << np.uint64(13)
        s ^= s >> np.uint64(7)
        s ^= s << np.uint64(17)
        out[k] = (s >> np.uint64(11)) / 9007199254740992.0


@jit
def float_remainder(p, out, work):
    for k in range(24):
        out[k] = (p[0] * k - 7.3) % (p[1] + 0.1)


@jit
def rounding(p, out, work):
    for k in range(8):
        x = (k - 4) / 2.0 + (p[0] if k > 5 else 0.0)
        out[k] = round(x)
        out[8 + k] = int(x)
        out[16 + k] = math.trunc(x) + np.rint(x) + np.floor(x)


@jit
def powers(p, out, work):
    n = int(p[1] * 3.0)
    for k in range(12):
        out[k] = (p[0] + 0.1 * k) ** 3
        out[12 + k] = (p[0] + 0.1 * k) ** (n - k)


@jit
def whole_powers(p, out, work):
    n = int(p[0])
    for k in range(24):
        out[k] = (k - 10) ** n + 2**n


@jit
def special_numbers(p, out, work):
    zero = p[0] - p[0]
    infinite = 1.0 / zero
    none = infinite - infinite
    out[0] = 1.0 if math.isnan(none) else 0.0
    out[1] = 1.0 if math.isinf(-infinite) else 0.0
    out[2] = min(p[0], infinite)
    out[3] = max(p[0], -infinite)
    out[4] = math.copysign(p[0], -p[1])
    out[5] = 1.0 / infinite
    out[6] = abs(-p[0])
    out[7] = np.float32(p[0])
    out[8] = np.sign(p[0] - p[1])
    for k in range(9, 24):
        out[k] = 0.0


@jit
def slices(p, out, work):
    out[:] = 1.5
    a = out[4:12]
    b = work[8:40]
    b[:] = 0.0
    for i in range(a.size):
        a[i] = p[i]
    for i in range(b.size):
        b[i] += i
    out[-1] = b[31] + a[-1]
    for x in p:
        out[20] += x


@jit
def complex_numbers(p, out, work):
    z = complex(p[0], p[1])
    for k in range(12):
        z = z * complex(0.6, 0.7) + 0.1
        out[2 * k], out[2 * k + 1] = z.real, z.imag


@jit
def entry(p, out, work):
    """Named as the function that is exported."""
    for k in range(24):
        out[k] = p[k % 8] + k


@jit
def memory(p, out, work):
    """Named as something that WebAssembly has."""
    for k in range(24):
        out[k] = entry_of(p, k)


@jit
def entry_of(p, k):
    return p[k % 8] * 2.0 + k
