#pragma once

#include "support/ext_proc_client.h"

#include <cstdint>
#include <memory>
#include <string>

namespace epp::testing {

// An ext-proc server that sends every request to one place and changes nothing else: enough to test an Envoy bootstrap
// without an EPP.
class FixedPicker {
 public:
  explicit FixedPicker(std::string destination);
  ~FixedPicker();

  std::uint16_t port() const { return static_cast<std::uint16_t>(port_); }

 private:
  class Service;
  std::unique_ptr<Service> service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace epp::testing
