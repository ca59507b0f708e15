: Calcium along a branch, and in the spine of a compartment if it has one.
: Volumes are per length of the branch (um2), as NEURON wants them.
NEURON {
    SUFFIX shaft
    RANGE out, into, vshaft, vhead
    POINTER influx
    THREADSAFE
}
UNITS {
    (um) = (micron)
    (uM) = (micro/liter)
}
PARAMETER {
    D = 0 (um2/ms)
    tau = 20 (ms)
    vshaft = 1 (um2)
    vhead = 1 (um2)
    out = 0 (um2/ms)   : from the head, k_s times its volume per length
    into = 0 (um2/ms)    : from the shaft, k_d times its volume per length
}
ASSIGNED { influx (uM/ms) }
STATE {
    cd (uM)
    cs (uM)
}
INITIAL {
    cd = 0
    cs = 0
}
BREAKPOINT { SOLVE exchange METHOD sparse }
KINETIC exchange {
    COMPARTMENT vshaft { cd }
    COMPARTMENT vhead { cs }
    LONGITUDINAL_DIFFUSION D * vshaft { cd }
    ~ cd <-> cs (into, out)
    ~ cd -> (vshaft / tau)
    ~ cs -> (vhead / tau)
    ~ cs << (influx * vhead)
}
