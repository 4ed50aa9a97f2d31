#include "extproc/health.h"

#include "extproc/wire_reader.h"

#include <array>
#include <span>

namespace epp::extproc {
namespace {

constexpr std::string_view kCheck = "/grpc.health.v1.Health/Check";
constexpr std::string_view kList = "/grpc.health.v1.Health/List";
constexpr std::string_view kWatch = "/grpc.health.v1.Health/Watch";
constexpr std::string_view kLiveness = "liveness";
constexpr std::string_view kReadiness = "readiness";

enum class Serving : char { kServing = 1, kNotServing = 2, kServiceUnknown = 3 };

// HealthCheckRequest { 1 service }
bool read_service(std::string_view request, std::string& service) {
  request::Arena arena;
  WireReader in(std::span(&request, 1));
  while (!in.at_end()) {
    Tag tag;
    if (!in.tag(tag)) return false;
    std::string_view text;
    if (tag.is(1, WireType::kBytes)) {
      if (!in.bytes(text, arena)) return false;
      service = text;
    } else if (!in.skip(tag)) {
      return false;
    }
  }
  return true;
}

// HealthCheckResponse { 1 status }
std::string response(Serving status) {
  return {'\x08', static_cast<char>(status)};
}

UnaryReply not_implemented() {
  return {kRpcUnimplemented, "Watch is not implemented", {}};
}

UnaryReply malformed() {
  return {kRpcInvalidArgument, "malformed HealthCheckRequest", {}};
}

Serving check(const HealthInputs& inputs, std::string_view service) {
  const std::optional<bool> leader = inputs.leader();
  const bool readiness = service.empty() || service == kReadiness || service == kProcessorService;
  if (service == kLiveness) return Serving::kServing;
  if (leader && !readiness) return Serving::kServiceUnknown;
  const bool serving = inputs.live() && leader.value_or(true) && inputs.protocol_matches() && !inputs.draining() &&
                       (!readiness || inputs.plugins_ready());
  return serving ? Serving::kServing : Serving::kNotServing;
}

// One entry of HealthListResponse { 1 map<string, HealthCheckResponse> }; names are short.
void put_entry(std::string& out, std::string_view service, Serving status) {
  const std::string value = response(status);
  out += '\x0a';
  out += static_cast<char>(2 + service.size() + 2 + value.size());
  out += '\x0a';
  out += static_cast<char>(service.size());
  out += service;
  out += '\x12';
  out += static_cast<char>(value.size());
  out += value;
}

}  // namespace

std::optional<UnaryReply> HealthService::call(std::string_view method, std::string_view request) {
  UnaryReply reply;
  if (method == kCheck) {
    std::string service;
    if (!read_service(request, service)) return malformed();
    reply.message = response(check(inputs_, service));
    return reply;
  }
  if (method == kList) {
    put_entry(reply.message, kProcessorService, check(inputs_, kProcessorService));
    if (inputs_.leader()) {
      for (std::string_view service : std::array{kLiveness, kReadiness})
        put_entry(reply.message, service, check(inputs_, service));
    }
    return reply;
  }
  if (method == kWatch) return not_implemented();
  return std::nullopt;
}

}  // namespace epp::extproc
