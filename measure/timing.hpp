// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Repeating something until its median is worth something.

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace ipcrun::measure {

/// How often to repeat: `samples` times `batch` operations each, of which one sample is the mean.
struct Repetitions {
    int samples = 0;
    int batch = 0;
};

/// A sample lasts 20 us or more, so that reading the clock does not count, and all of them 0.1 s at
/// most, unless five take longer.
inline Repetitions repetitions_for(double operation_us) {
    constexpr double sample_us = 20, all_us = 1e5;
    constexpr int samples_min = 5, samples_max = 500, batch_max = 1000;
    const double us = std::max(operation_us, 1e-3);
    Repetitions result;
    result.batch = std::clamp(static_cast<int>(sample_us / us) + 1, 1, batch_max);
    result.samples =
        std::clamp(static_cast<int>(all_us / (us * result.batch)), samples_min, samples_max);
    return result;
}

inline double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// Microseconds that `operate` takes, once.
template <typename Operate>
double time_us(Operate operate) {
    const auto start = std::chrono::steady_clock::now();
    operate();
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
        .count();
}

/// The median of the samples, for one operation.
template <typename Operate>
double median_us(const Repetitions& repetitions, Operate operate) {
    std::vector<double> samples_us;
    for (int sample = 0; sample < repetitions.samples; ++sample)
        samples_us.push_back(time_us([&] {
                                 for (int turn = 0; turn < repetitions.batch; ++turn) operate();
                             }) /
                             repetitions.batch);
    return median(std::move(samples_us));
}

}  // namespace ipcrun::measure
