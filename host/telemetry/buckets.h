// Upper bounds of the host's histograms. They are part of the wire format (`le` labels): do not "repair" them.
#pragma once

#include <array>

namespace epp::telemetry::buckets {

inline constexpr std::array kLatency{0.005, 0.025, 0.05,  0.1,   0.2,   0.4,    0.6,    0.8,   1.0,
                                     1.25,  1.5,   2.0,   3.0,   4.0,   5.0,    6.0,    8.0,   10.0,
                                     15.0,  20.0,  30.0,  45.0,  60.0,  120.0,  180.0,  240.0, 300.0,
                                     360.0, 480.0, 600.0, 900.0, 1200., 1800.0, 2700.0, 3600.0};
inline constexpr std::array kTtft{0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6,  0.8,  1.0,  1.25, 1.5,  2.0,
                                  3.0,   4.0,   5.0,  6.0, 8.0, 10., 15.0, 20.0, 30.0, 45.0, 60.0, 120.0};
/// Powers of two, 64 to 2^30.
inline constexpr auto kRequestSize = [] {
  std::array<double, 25> bounds{};
  double bound = 64;
  for (auto& b : bounds) {
    b = bound;
    bound *= 2;
  }
  return bounds;
}();
/// 32778 is a historical slip for 32768 that dashboards now know.
inline constexpr std::array kResponseSize{1.0,    8.0,    16.0,   32.0,   64.0,    128.0,   256.0,  512.0,
                                          1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 32778.0, 65536.0};
inline constexpr std::array kInputTokens{1.0,     8.0,      16.0,     32.0,     64.0,     128.0,   256.0,
                                         512.0,   1024.0,   2048.0,   4096.0,   8192.0,   16384.0, 32778.0,
                                         65536.0, 131072.0, 262144.0, 524288.0, 1048576.0};
inline constexpr std::array kOutputTokens{1.0,   8.0,   16.0,   32.0,   64.0,   128.0,
                                          256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0};
inline constexpr std::array kNtpot{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0};
inline constexpr std::array kTpot{0.0005, 0.00205, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.125,
                                  0.15,   0.2,     0.3,   0.4,  0.5,  0.6,  0.8,  1.0,  2.0};
inline constexpr std::array kItl{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0};
inline constexpr std::array kScheduling{0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1};
inline constexpr std::array kQueue{0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1,
                                   0.25,   0.5,    1.0,   2.5,   5.0,  10.0,  30.0, 60.0};
inline constexpr std::array kConfirmation{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0};
inline constexpr std::array kRequestProcessing{0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.04,
                                               0.06,   0.1,   0.25,  0.5,   1.0,  2.5,   5.0,   10.0};
inline constexpr std::array kResponseProcessing{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                0.05,   0.1,     0.25,   0.5,   1.0,    2.5,   5.0};
inline constexpr std::array kStream{0.001, 0.005, 0.01, 0.05, 0.1,   0.5,   1.0,
                                    5.0,   10.0,  30.0, 60.0, 120.0, 300.0, 600.0};
/// What Go's client uses by default.
inline constexpr std::array kDefault{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0};

}  // namespace epp::telemetry::buckets
