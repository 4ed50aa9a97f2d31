#include "kube/election/lease_record.h"

#include <array>
#include <cstdio>
#include <ctime>

#include <nlohmann/json.hpp>

namespace epp::kube {
namespace {

std::string utc(std::chrono::system_clock::time_point time, const char* format) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

}  // namespace

std::string micro_time(std::chrono::system_clock::time_point time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time - second).count();
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), "%06u", static_cast<unsigned>(micros) % 1'000'000U);
  return utc(time, "%Y-%m-%dT%H:%M:%S.") + fraction.data() + "Z";
}

std::string lease_body(const Lease& record, std::string_view name_space, std::string_view name, const Json& base) {
  Json object = base.is_object() ? base : Json::object();
  object["apiVersion"] = "coordination.k8s.io/v1";
  object["kind"] = "Lease";
  Json& meta = object["metadata"];
  meta["name"] = name;
  meta["namespace"] = name_space;
  Json& spec = object["spec"];
  spec["holderIdentity"] = record.holder;
  spec["leaseDurationSeconds"] = record.duration_seconds;
  spec["acquireTime"] = record.acquire_time;
  spec["renewTime"] = record.renew_time;
  spec["leaseTransitions"] = record.transitions;
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string election_event_body(const Lease& record, std::string_view name_space, std::string_view name,
                                std::string_view message, std::chrono::system_clock::time_point time) {
  std::array<char, 20> serial{};
  std::snprintf(serial.data(), serial.size(), "%llx",
                static_cast<unsigned long long>(time.time_since_epoch() / std::chrono::nanoseconds(1)));
  const std::string at = utc(time, "%Y-%m-%dT%H:%M:%SZ");
  const Json object{{"apiVersion", "v1"},
                    {"kind", "Event"},
                    {"metadata", {{"name", std::string(name) + "." + serial.data()}, {"namespace", name_space}}},
                    {"involvedObject",
                     {{"apiVersion", "coordination.k8s.io/v1"},
                      {"kind", "Lease"},
                      {"namespace", name_space},
                      {"name", name},
                      {"uid", record.meta.uid},
                      {"resourceVersion", record.meta.resource_version}}},
                    {"type", "Normal"},
                    {"reason", "LeaderElection"},
                    {"message", message},
                    {"source", {{"component", "epp"}}},
                    {"firstTimestamp", at},
                    {"lastTimestamp", at},
                    {"count", 1}};
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace epp::kube
