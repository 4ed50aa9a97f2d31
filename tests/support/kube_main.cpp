// main() of the test programs that need a real API server.
#include "support/kube_server.h"

#include <cstdlib>
#include <iostream>

#include <gtest/gtest.h>

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (const std::string missing = epp::testing::KubeServer::missing(); !missing.empty()) {
    std::cerr << missing << '\n';
    constexpr int kSkipped = 77;  // ctest knows it
    return std::getenv("EPP_REQUIRE_KUBE") != nullptr ? EXIT_FAILURE : kSkipped;
  }
  return RUN_ALL_TESTS();
}
