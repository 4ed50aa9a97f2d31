// Keeps a session on one endpoint; shared by the session affinity filter and scorer.
//
//   encoded_endpoint_header   the client carries the endpoint: a response header tells it, the request sends it back
//   session_id                the client names its session; this process remembers the endpoint
#pragma once

#include "base64.h"
#include "session_bindings.h"
#include "text.h"

#include <epp/plugin.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace epp::builtin {

inline constexpr std::string_view kSessionAffinitySchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "strategy": {
      "type": "string", "default": "encoded_endpoint_header",
      "description": "encoded_endpoint_header: the client carries the endpoint; session_id: this process remembers it."
    },
    "encodedEndpointHeaderConfig": {
      "type": "object", "additionalProperties": false,
      "properties": {
        "header": {
          "type": "string", "default": "x-session-token",
          "description": "Response header that tells the endpoint and request header that sends it back."
        }
      }
    },
    "sessionIdConfig": {
      "type": "object", "additionalProperties": false,
      "properties": {
        "sources": {
          "type": "array",
          "items": {
            "type": "object", "additionalProperties": false,
            "properties": {
              "header": {"type": "string"},
              "attribute": {"type": "string", "description": "Data type of a request attribute."},
              "producer": {"type": "string", "description": "Producer of the attribute."}
            }
          },
          "description": "Where to find the session id, first match; default: header x-session-id."
        },
        "evictionTtlSeconds": {"type": "integer", "default": 300, "description": "A binding unused so long is dropped."},
        "evictionSweepSeconds": {"type": "integer", "default": 10, "description": "How often to look for such bindings."}
      }
    },
    "profileName": {
      "type": "string", "default": "",
      "description": "Profile whose first target is remembered; empty: the primary profile."
    }
  }
})json";

class SessionAffinity {
 public:
  explicit SessionAffinity(sdk::Context& context) : host_(context.host()) {
    const auto& parameters = context.parameters();
    profile_ = parameters.text("/profileName");
    const std::string strategy = parameters.text("/strategy", "encoded_endpoint_header");
    if (strategy == "encoded_endpoint_header") {
      token_header_ = to_lower(trim(parameters.text("/encodedEndpointHeaderConfig/header")));
      if (token_header_.empty()) token_header_ = "x-session-token";
    } else if (strategy == "session_id") {
      read_session_id_config(context);
    } else {
      throw sdk::Error("strategy must be 'encoded_endpoint_header' or 'session_id', got '" + strategy + "'",
                       EPP_ERR_BAD_REQUEST);
    }
  }

  // The candidate that the session belongs to, by position. nullopt: no preference.
  std::optional<uint32_t> preferred(const sdk::Request& request, const sdk::Candidates& candidates) const {
    if (!by_session_id()) {
      const auto endpoint = base64_decode(trim(request.header(token_header_)));
      return endpoint ? find(candidates, *endpoint) : std::nullopt;
    }
    const std::string_view session = session_id(request);
    if (session.empty()) return std::nullopt;
    const auto bound = bindings_.find(session);
    if (!bound) return std::nullopt;
    const auto position = find(candidates, *bound);
    request.state<State>().bound_is_absent = !position.has_value();
    return position;
  }

  void pre_request(const sdk::Request& request, const sdk::Results& results) {
    const epp_endpoint* target = remembered_target(results);
    if (target == nullptr) return;
    if (!by_session_id()) {
      request.state<State>().target = sdk::view(target->id);
      return;
    }
    const std::string_view session = session_id(request);
    if (session.empty()) return;
    const State* state = request.find_state<State>();
    bindings_.use(session, sdk::view(target->id), state != nullptr && state->bound_is_absent, host_.now_ns());
  }

  void on_response_header(const sdk::Request& request) const {
    if (by_session_id()) return;
    const State* state = request.find_state<State>();
    if (state != nullptr && !state->target.empty()) {
      request.set_response_header(token_header_, base64_encode(state->target));
    }
  }

 private:
  struct State {
    bool bound_is_absent = false;
    std::string target;  // endpoint id
  };
  // A header, or else an attribute.
  struct Source {
    std::string header;
    sdk::RequestValue attribute;
  };

  bool by_session_id() const { return token_header_.empty(); }

  void read_session_id_config(sdk::Context& context) {
    const auto& parameters = context.parameters();
    const std::string sources = "/sessionIdConfig/sources";
    for (size_t i = 0; i < parameters.count(sources); ++i) {
      const std::string source = sdk::Parameters::element(sources, i);
      const std::string header = to_lower(trim(parameters.text(source + "/header")));
      const std::string attribute = parameters.text(source + "/attribute");
      if (header.empty() == attribute.empty()) {
        throw sdk::Error("sources[" + std::to_string(i) + "]: exactly one of header or attribute must be set",
                         EPP_ERR_BAD_REQUEST);
      }
      sources_.push_back({header, {}});
      if (header.empty()) {
        const std::string key = sdk::data_key(attribute, parameters.text(source + "/producer"));
        sources_.back().attribute = context.optional_value(key, EPP_TYPE_STR);
      }
    }
    if (sources_.empty()) sources_.push_back({"x-session-id", {}});

    const uint64_t ttl = seconds(parameters, "evictionTtlSeconds", 300);
    const uint64_t period = seconds(parameters, "evictionSweepSeconds", 10);
    sweeper_.emplace(host_, period, period, [this, ttl] {
      const uint64_t now = host_.now_ns();
      if (now > ttl) bindings_.sweep(now - ttl);
    });
  }

  // In nanoseconds; 0 means the default.
  static uint64_t seconds(const sdk::Parameters& parameters, const std::string& name, int64_t otherwise) {
    int64_t value = parameters.integer("/sessionIdConfig/" + name, 0);
    if (value < 0) throw sdk::Error(name + " must not be negative", EPP_ERR_BAD_REQUEST);
    if (value == 0) value = otherwise;
    return static_cast<uint64_t>(std::min<int64_t>(value, 1'000'000'000)) * 1'000'000'000u;
  }

  std::string_view session_id(const sdk::Request& request) const {
    for (const Source& source : sources_) {
      const std::string_view id =
          trim(source.header.empty() ? source.attribute.text(request) : request.header(source.header));
      if (!id.empty()) return id;
    }
    return {};
  }

  const epp_endpoint* remembered_target(const sdk::Results& results) const {
    if (profile_.empty()) return results.first_target(results.primary());
    const epp_profile_result* result = results.find(profile_);
    return result != nullptr ? results.first_target(*result) : nullptr;
  }

  static std::optional<uint32_t> find(const sdk::Candidates& candidates, std::string_view endpoint_id) {
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      if (sdk::view(candidates.endpoint(i).id) == endpoint_id) return i;
    }
    return std::nullopt;
  }

  sdk::Host host_;
  std::string token_header_;  // empty with strategy session_id
  std::vector<Source> sources_;
  std::string profile_;
  SessionBindings bindings_;
  std::optional<sdk::Timer> sweeper_;  // last: stops before the bindings go
};

}  // namespace epp::builtin
