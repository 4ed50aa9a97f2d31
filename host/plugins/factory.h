// Making instances: parameters in, declarations out, extension tables resolved and checked.
#pragma once

#include "plugins/environment.h"
#include "plugins/instance.h"
#include "plugins/library.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace epp::plugins {

struct InstanceSpec {
  std::string name;
  std::string type;
  std::optional<std::string> parameters;  // normalised JSON object, already validated; absent reads as {}
  OnFault on_fault = OnFault::kReject;
  std::optional<uint64_t> call_budget_ns;  // 0: none; absent: the environment's
  LibraryPtr library;
  const epp_type* descriptor = nullptr;
  std::vector<InstancePtr> references;  // outlive the instance
};

// nullptr with the reason in `error`. The instance is told of the table's endpoints before this returns, and of their
// changes until it is destroyed. `environment` outlives it. [main]
InstancePtr make_instance(const InstanceSpec& spec, const Environment& environment, std::string& error);

}  // namespace epp::plugins
