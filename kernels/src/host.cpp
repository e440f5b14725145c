// Host twins of all functions.
#include "host.h"

#include <algorithm>
#include <numeric>

namespace whyframe {

inline int64_t sort_bytes(int64_t) { return 0; }

inline int sort_pairs(const Launcher&, void*, int64_t, const uint64_t* keys, uint64_t* sorted_keys,
                      const int32_t* values, int32_t* sorted_values, int64_t count) {
  std::vector<int64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return keys[a] < keys[b]; });
  for (int64_t i = 0; i < count; ++i) {
    sorted_keys[i] = keys[order[i]];
    sorted_values[i] = values[order[i]];
  }
  return WHYFRAME_OK;
}

}  // namespace whyframe

// Included last, because they use the launcher and the macros of host.h and the functions above.
#include "controller.inl"
#include "frame.inl"
#include "overlay.inl"
#include "perturb.inl"
#include "refine.inl"

extern "C" WHYFRAME_API int whyframe_abi_version_host() { return WHYFRAME_ABI_VERSION; }

extern "C" WHYFRAME_API const char* whyframe_error_string_host(int code) { return whyframe::status_string(code); }
