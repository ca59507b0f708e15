: As sink.mod, with a default that does nothing.
NEURON {
    POINT_PROCESS idle
    USEION x WRITE xd
    RANGE k
}
PARAMETER { k = 0 }
BREAKPOINT {
    SOLVE move METHOD cnexp
}
DERIVATIVE move {
    xd' = -k*xd
}
