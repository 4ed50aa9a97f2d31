// Inside of a TestRequest, shared with the harness.
#pragma once

#include "unit/plugin_harness/plugin_harness.h"

#include <deque>
#include <string>
#include <vector>

namespace epp::testing {

// A profile result by endpoint names; slots are looked up when a hook is called.
struct ResultSetup {
  std::string profile;
  uint32_t state = EPP_PROFILE_NOT_RUN;
  std::vector<std::string> targets;
  std::vector<std::pair<std::string, double>> candidates;
  epp_status status = EPP_OK;
  std::string message;
};

struct ColumnSetup {
  epp_attr attr = EPP_ATTR_NONE;
  uint32_t type = 0;
  std::map<std::string, epp_value> values;
};

struct TestRequest::Impl final : public plugins::PromptSource {
  explicit Impl(endpoints::AttributeRegistry& registry) : attributes(registry) {}
  ~Impl() override { context.reset(); }

  bool prompt(std::span<const epp_prompt_part>& out, std::string& error) override {
    if (parts.empty()) {
      error = "the request has no prompt";
      return false;
    }
    out = parts;
    return true;
  }
  void add_part(uint32_t kind, uint32_t prompt_index, std::string data, std::string aux);

  endpoints::AttributeRegistry& attributes;
  std::string body;
  std::deque<std::string> texts;  // what the parts point to
  std::deque<std::vector<uint32_t>> ids;
  std::vector<epp_prompt_part> parts;
  std::vector<ColumnSetup> columns;  // written when a hook is called
  std::vector<ResultSetup> results;
  std::string primary;
  plugins::RequestContext context;
};

}  // namespace epp::testing
