// Three endpoints, the default parsers, no scorer: every endpoint is as good as another. One EPP serves the suite; a
// test that needs other flags starts its own.
#pragma once

#include "conformance/exchange.h"
#include "conformance/lab.h"

#include <memory>

#include <gtest/gtest.h>

namespace epp::conformance {

inline const std::string kAny = "plugins: []";

class ExtprocCheck : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    epp_ = std::make_unique<EppServer>(testing::EppOptions{
        .arguments =
            with(kAny, {silent_endpoint(1), silent_endpoint(2), silent_endpoint(3), "--enable-grpc-stream-metrics"})});
    client_ = std::make_unique<Client>(epp_->grpc_port());
  }
  static void TearDownTestSuite() {
    client_.reset();
    epp_.reset();
  }
  static const EppServer& epp() { return *epp_; }
  static const Client& client() { return *client_; }

 private:
  static inline std::unique_ptr<EppServer> epp_;
  static inline std::unique_ptr<Client> client_;
};

}  // namespace epp::conformance
