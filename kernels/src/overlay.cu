#include "device.cuh"
// Below the interface that it is written against.
#include "overlay.inl"
