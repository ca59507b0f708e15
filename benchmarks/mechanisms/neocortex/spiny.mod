: The neocortical synapse of heterolib.neocortex, from its equations: AMPA, NMDA, R-type channel,
: calcium of the spine, its integral, efficacy and expression. All sites release at every spike.
: Conductance uS, current nA, calcium uM.
NEURON {
    POINT_PROCESS SpinySynapse
    NONSPECIFIC_CURRENT i
    RANGE gd, gp, gnmda, ud, up, factora, factorn, tda, gv, share, gain, nernst, caout
    RANGE thetad, thetap, gammad, gammap, rho0
}
PARAMETER {
    gd = 0  gp = 0  gnmda = 0  ud = 0  up = 0
    factora = 1  factorn = 1  tda = 1.74  gv = 0  share = 0
    gain = 0 : uM/ms per nA
    nernst = 13 (mV)  caout = 2000
    thetad = -1  thetap = -1  gammad = 0  gammap = 0  rho0 = 0
    tra = 0.2 (ms)  trn = 0.29 (ms)  tdn = 70 (ms)
    tauca = 12 (ms)  carest = 0.07  taustar = 278 (ms)  taurho = 70000 (ms)  tauexp = 100000 (ms)
    ena = 40 (mV)  eampa = 0 (mV)  enmda = -3 (mV)  mg = 1  mgslope = 0.072  mghalf = 2.552
    mhalf = -5.9  mslope = 9.5  taum = 1 (ms)  hhalf = -39  hslope = 9.2  tauh = 27 (ms)
}
ASSIGNED { v (mV)  i (nA)  gampa  gn  inmda  ivdcc  highd  highp }
STATE { ra da rn dn m hh ca cstar rho u g }
INITIAL {
    ra = 0  da = 0  rn = 0  dn = 0
    m = 1 / (1 + exp((mhalf - v) / mslope))
    hh = 1 / (1 + exp((v - hhalf) / hslope))
    ca = carest
    cstar = 0
    rho = rho0
    u = ud + rho * (up - ud)
    g = gd + rho * (gp - gd)
    highd = 0
    highp = 0
    net_send(0, 1)
}
BREAKPOINT {
    SOLVE move METHOD derivimplicit
    gampa = g * (da - ra)
    gn = gnmda * (dn - rn) / (1 + exp(-mgslope * v) * mg / mghalf)
    ivdcc = gv * m * m * hh * (v - nernst * log(caout / ca))
    i = gampa * (v - eampa) + gn * (v - enmda) + ivdcc
}
DERIVATIVE move {
    ra' = -ra / tra
    da' = -da / tda
    rn' = -rn / trn
    dn' = -dn / tdn
    m' = (1 / (1 + exp((mhalf - v) / mslope)) - m) / taum
    hh' = (1 / (1 + exp((v - hhalf) / hslope)) - hh) / tauh
    inmda = share * gnmda * (dn - rn) / (1 + exp(-mgslope * v) * mg / mghalf) * (v - ena)
    ca' = -gain * (inmda + gv * m * m * hh * (v - nernst * log(caout / ca))) - (ca - carest) / tauca
    cstar' = ca - carest - cstar / taustar
    rho' = (-rho * (1 - rho) * (0.5 - rho) + gammap * (1 - rho) * highp - gammad * rho * highd) / taurho
    u' = (ud + rho * (up - ud) - u) / tauexp
    g' = (gd + rho * (gp - gd) - g) / tauexp
}
NET_RECEIVE(w) {
    if (flag == 1) {
        if (thetad > 0) {
            WATCH (cstar > thetad) 2
            WATCH (cstar < thetad) 3
            WATCH (cstar > thetap) 4
            WATCH (cstar < thetap) 5
        }
    } else if (flag == 2) { highd = 1
    } else if (flag == 3) { highd = 0
    } else if (flag == 4) { highp = 1
    } else if (flag == 5) { highp = 0
    } else {
        ra = ra + factora
        da = da + factora
        rn = rn + factorn
        dn = dn + factorn
    }
}
