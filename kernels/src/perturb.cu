#include "device.cuh"
// Included last, because it uses the launcher and the macros of device.cuh.
#include "perturb.inl"
