// Execution of the kernels on a GPU. host.h offers the same interface on the CPU.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>

#include "checks.h"

namespace whyframe {

constexpr int WARP = 32;
constexpr int64_t MOST_BLOCKS = 0x7fffffff;

template <class Value>
__device__ __forceinline__ Value from_lane(Value value, int distance) {
  static_assert(sizeof(Value) % sizeof(unsigned) == 0, "values are shuffled in 32-bit words");
  unsigned words[sizeof(Value) / sizeof(unsigned)];
  memcpy(words, &value, sizeof(Value));
  for (unsigned& word : words) word = __shfl_xor_sync(0xffffffffu, word, distance);
  memcpy(&value, words, sizeof(Value));
  return value;
}

// The threads of a thread block.
template <int THREADS>
class Team {
 public:
  // Calls call(i) for every i below count. Thread t gets t, t + THREADS, ...
  template <class Call>
  __device__ __forceinline__ void each(int64_t count, Call call) {
    for (int64_t i = threadIdx.x; i < count; i += THREADS) call(i);
  }

  // Needed before a thread reads what another thread wrote.
  __device__ __forceinline__ void sync() { __syncthreads(); }

  // Each thread adds its items to `none`, then the values of the threads are merged in a tree. Every thread gets the
  // result.
  template <class Value, class Add>
  __device__ __forceinline__ Value reduce(int64_t count, Value none, Add add) {
    Value own = none;
    each(count, [&](int64_t i) { add(own, i); });
    own = over_warp(own);
    __shared__ Value of_warp[THREADS / WARP];
    if (threadIdx.x % WARP == 0) of_warp[threadIdx.x / WARP] = own;
    __syncthreads();
    const unsigned lane = threadIdx.x % WARP;
    own = over_warp(lane < THREADS / WARP ? of_warp[lane] : none);
    __syncthreads();  // before the next reduction writes of_warp
    return own;
  }

  // The dynamic shared memory of the launch.
  __device__ __forceinline__ float* memory() const {
    extern __shared__ float4 shared[];
    return reinterpret_cast<float*>(shared);
  }

 private:
  template <class Value>
  __device__ __forceinline__ Value over_warp(Value own) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) own.merge(from_lane(own, distance));
    return own;
  }
};

template <class Body>
__global__ void __launch_bounds__(256) each_kernel(Body body, int64_t count) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) body(i);
}

template <class Body>
__global__ void __launch_bounds__(Body::THREADS) teams_kernel(Body body, int64_t count) {
  Team<Body::THREADS> team;
  for (int64_t block = blockIdx.x; block < count; block += gridDim.x) {
    body(team, block);
    team.sync();  // before the next iteration reuses the shared memory
  }
}

struct Launcher {
  cudaStream_t stream;

  // Runs body(i) for every i below count.
  template <class Body>
  int each(int64_t count, Body body) const {
    if (count == 0) return WHYFRAME_OK;
    const auto blocks = static_cast<unsigned>(std::min(ceil_div(count, 256), MOST_BLOCKS));
    each_kernel<<<blocks, 256, 0, stream>>>(body, count);
    return cudaGetLastError();
  }

  // Runs body(team, block) for every block below count, with `bytes` of shared memory (at most 48 KiB).
  template <class Body>
  int teams(int64_t count, size_t bytes, Body body) const {
    if (count == 0) return WHYFRAME_OK;
    const auto blocks = static_cast<unsigned>(std::min(count, MOST_BLOCKS));
    teams_kernel<<<blocks, Body::THREADS, bytes, stream>>>(body, count);
    return cudaGetLastError();
  }
};

}  // namespace whyframe

#define WHYFRAME_ENTRY(name, ...) extern "C" int whyframe_##name(__VA_ARGS__, void* stream)
#define WHYFRAME_QUERY(name, ...) extern "C" int64_t whyframe_##name(__VA_ARGS__)
#define WHYFRAME_LAUNCHER (whyframe::Launcher{static_cast<cudaStream_t>(stream)})
