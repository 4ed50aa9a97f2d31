// GET /debug/flowcontrol.
#include "app/flow_control.h"

#include <nlohmann/json.hpp>

namespace epp::app {
namespace {

using Json = nlohmann::ordered_json;

double seconds(flowcontrol::Nanos nanos) {
  return static_cast<double>(nanos) * 1e-9;
}

Json limit_json(std::uint64_t limit) {
  return limit == 0 ? Json() : Json(limit);
}

Json optional_json(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}

Json flow_json(const flowcontrol::FlowView& flow) {
  return {{"fairnessID", flow.id},
          {"length", flow.length},
          {"bytes", flow.bytes},
          {"oldestWaitSeconds", seconds(flow.oldest_wait_ns)}};
}

Json band_json(const flowcontrol::BandView& band) {
  Json json = {{"priority", band.priority},
               {"open", band.open},
               {"ceiling", band.ceiling},
               {"length", band.length},
               {"bytes", band.bytes},
               {"maxRequests", limit_json(band.max_requests)},
               {"maxBytes", limit_json(band.max_bytes)},
               {"oldestWaitSeconds", seconds(band.oldest_wait_ns)},
               {"flows", band.flows},
               {"activeFlows", band.active_flows},
               {"longestFlows", Json::array()}};
  for (const flowcontrol::FlowView& flow : band.longest_flows) {
    json["longestFlows"].push_back(flow_json(flow));
  }
  return json;
}

}  // namespace

std::string flow_control_document(FlowControl* flow_control) {
  if (flow_control == nullptr) return R"({"enabled":false})";
  return flow_control_document(flow_control->dispatcher().view(), flow_control->reclaim_status());
}

std::string flow_control_document(const flowcontrol::View& view,
                                  const std::optional<flowcontrol::Reclaimer::Status>& eviction) {
  Json json = {{"enabled", true},
               {"length", view.length},
               {"bytes", view.bytes},
               {"maxRequests", limit_json(view.max_requests)},
               {"maxBytes", limit_json(view.max_bytes)}};
  json["gate"] = {{"open", view.closed_because.empty()},
                  {"closedBecause", view.closed_because},
                  {"poolEmpty", view.pool_empty},
                  {"saturation", view.saturation},
                  {"prefillSaturation", optional_json(view.prefill_saturation)},
                  {"decodeSaturation", optional_json(view.decode_saturation)}};
  json["reservations"] = {{"undecided", view.undecided}, {"unseen", view.unseen}};
  if (eviction) {
    json["eviction"] = {{"running", eviction->running},
                        {"evictable", eviction->evictable},
                        {"outstanding", eviction->outstanding},
                        {"cooling", eviction->cooling},
                        {"pendingReclaim", eviction->pending}};
  }
  json["bands"] = Json::array();
  for (const flowcontrol::BandView& band : view.bands) {
    json["bands"].push_back(band_json(band));
  }
  // Fairness ids are what clients made of them.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace epp::app
