#include <cub/device/device_radix_sort.cuh>

#include "device.cuh"

namespace whyframe {

inline int64_t sort_bytes(int64_t count) {
  size_t bytes = 0;
  const cudaError_t error = cub::DeviceRadixSort::SortPairs(
      nullptr, bytes, static_cast<const uint64_t*>(nullptr), static_cast<uint64_t*>(nullptr),
      static_cast<const int32_t*>(nullptr), static_cast<int32_t*>(nullptr), static_cast<int>(count));
  return error == cudaSuccess ? static_cast<int64_t>(bytes) : -1000 - static_cast<int64_t>(error);
}

inline int sort_pairs(const Launcher& launcher, void* scratch, int64_t bytes, const uint64_t* keys,
                      uint64_t* sorted_keys, const int32_t* values, int32_t* sorted_values, int64_t count) {
  auto given = static_cast<size_t>(bytes);
  if (sort_bytes(count) > bytes) return WHYFRAME_SMALL_SCRATCH;
  return cub::DeviceRadixSort::SortPairs(scratch, given, keys, sorted_keys, values, sorted_values,
                                         static_cast<int>(count), 0, 64, launcher.stream);
}

}  // namespace whyframe

// Included last, because it uses the launcher of device.cuh and the functions above.
#include "refine.inl"
