// main() of tests that need helm and a real API server: without them they count as skipped, or as failed if
// EPP_REQUIRE_KUBE is set.
#include "render/helm.h"
#include "support/kube_server.h"

#include <cstdlib>
#include <iostream>

#include <gtest/gtest.h>

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (const std::string& missing : {epp::testing::helm_missing(), epp::testing::KubeServer::missing()}) {
    if (missing.empty()) continue;
    std::cerr << missing << '\n';
    constexpr int kSkipped = 77;  // ctest knows it
    return std::getenv("EPP_REQUIRE_KUBE") != nullptr ? EXIT_FAILURE : kSkipped;
  }
  return RUN_ALL_TESTS();
}
