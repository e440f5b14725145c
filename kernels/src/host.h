// Execution of the kernels on the CPU: blocks and threads run one after the other. A reduction merges the values of the
// threads in the same tree as on the GPU. device.cuh offers the same interface on the GPU.
#pragma once

#include <vector>

#include "checks.h"

namespace whyframe {

constexpr int WARP = 32;

template <int THREADS>
class Team {
 public:
  explicit Team(float* memory) : memory_(memory) {}

  template <class Call>
  void each(int64_t count, Call call) {
    for (int64_t thread = 0; thread < smaller(count, THREADS); ++thread) {
      for (int64_t i = thread; i < count; i += THREADS) call(i);
    }
  }

  void sync() {}

  template <class Value, class Add>
  Value reduce(int64_t count, Value none, Add add) {
    std::vector<Value> threads(THREADS, none);
    each(count, [&](int64_t i) { add(threads[i % THREADS], i); });
    std::vector<Value> warps(WARP, none);
    for (int warp = 0; warp < THREADS / WARP; ++warp) warps[warp] = over_warp(&threads[warp * WARP]);
    return over_warp(warps.data());
  }

  float* memory() const { return memory_; }

 private:
  template <class Value>
  Value over_warp(const Value* values) {
    std::vector<Value> lanes(values, values + WARP);
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
      const std::vector<Value> before = lanes;
      for (int lane = 0; lane < WARP; ++lane) lanes[lane].merge(before[lane ^ distance]);
    }
    return lanes[0];
  }

  float* memory_;
};

struct Launcher {
  template <class Body>
  int each(int64_t count, Body body) const {
    for (int64_t i = 0; i < count; ++i) body(i);
    return WHYFRAME_OK;
  }

  template <class Body>
  int teams(int64_t count, size_t bytes, Body body) const {
    std::vector<Pack<float>> memory(ceil_div(bytes, sizeof(Pack<float>)));
    Team<Body::THREADS> team(reinterpret_cast<float*>(memory.data()));
    for (int64_t block = 0; block < count; ++block) body(team, block);
    return WHYFRAME_OK;
  }
};

}  // namespace whyframe

#define WHYFRAME_ENTRY(name, ...) extern "C" WHYFRAME_API int whyframe_##name##_host(__VA_ARGS__)
#define WHYFRAME_QUERY(name, ...) extern "C" WHYFRAME_API int64_t whyframe_##name##_host(__VA_ARGS__)
#define WHYFRAME_LAUNCHER (whyframe::Launcher{})
