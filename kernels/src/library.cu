#include <cuda_runtime.h>

#include "checks.h"

int whyframe_abi_version() { return WHYFRAME_ABI_VERSION; }

const char* whyframe_error_string(int code) {
  return code > 0 ? cudaGetErrorString(static_cast<cudaError_t>(code)) : whyframe::status_string(code);
}
