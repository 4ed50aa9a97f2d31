#include "check/known_points.h"

#include <epp/ext/decider.h>
#include <epp/ext/eviction.h>
#include <epp/ext/fairness.h>
#include <epp/ext/filter.h>
#include <epp/ext/lifecycle.h>
#include <epp/ext/ordering.h>
#include <epp/ext/parser.h>
#include <epp/ext/picker.h>
#include <epp/ext/producer.h>
#include <epp/ext/profile_handler.h>
#include <epp/ext/request_hooks.h>
#include <epp/ext/response_hooks.h>
#include <epp/ext/saturation_detector.h>
#include <epp/ext/scorer.h>
#include <epp/ext/usage_limits.h>

#include <algorithm>

namespace epp::check {

namespace {

// Version 1 of a table ends with its last member of that version; what was appended later is not asked for.
#define EPP_TABLE_END(type, member) (offsetof(type, member) + sizeof(type::member))

std::vector<KnownPoint> make_points() {
  return {
      {EPP_EXT_FILTER, EPP_TABLE_END(epp_filter, filter), {offsetof(epp_filter, filter)}},
      {EPP_EXT_SCREENER, EPP_TABLE_END(epp_screener, filter), {offsetof(epp_screener, filter)}},
      {EPP_EXT_SCORER, EPP_TABLE_END(epp_scorer, score), {offsetof(epp_scorer, score)}},
      {EPP_EXT_PICKER, EPP_TABLE_END(epp_picker, pick), {offsetof(epp_picker, pick)}},
      {EPP_EXT_PRODUCER, EPP_TABLE_END(epp_producer, produce), {offsetof(epp_producer, produce)}},
      {EPP_EXT_REQUEST_HEADER,
       EPP_TABLE_END(epp_request_header, on_request_header),
       {offsetof(epp_request_header, on_request_header)}},
      {EPP_EXT_ADMITTER, EPP_TABLE_END(epp_admitter, admit), {offsetof(epp_admitter, admit)}},
      {EPP_EXT_PRE_REQUEST, EPP_TABLE_END(epp_pre_request, pre_request), {offsetof(epp_pre_request, pre_request)}},
      {EPP_EXT_RESPONSE_HEADER,
       EPP_TABLE_END(epp_response_header, on_response_header),
       {offsetof(epp_response_header, on_response_header)}},
      {EPP_EXT_RESPONSE_BODY,
       EPP_TABLE_END(epp_response_body, on_response_body),
       {offsetof(epp_response_body, on_response_body)}},
      {EPP_EXT_RESPONSE_COMPLETE,
       EPP_TABLE_END(epp_response_complete, on_response_complete),
       {offsetof(epp_response_complete, on_response_complete)}},
      {EPP_EXT_PROFILE_HANDLER,
       EPP_TABLE_END(epp_profile_handler, process),
       {offsetof(epp_profile_handler, pick), offsetof(epp_profile_handler, process)}},
      {EPP_EXT_SATURATION_DETECTOR,
       EPP_TABLE_END(epp_saturation_detector, saturation),
       {offsetof(epp_saturation_detector, saturation)}},
      {EPP_EXT_USAGE_LIMITS, EPP_TABLE_END(epp_usage_limits, ceilings), {offsetof(epp_usage_limits, ceilings)}},
      {EPP_EXT_FAIRNESS,
       EPP_TABLE_END(epp_fairness, pick),
       {offsetof(epp_fairness, open_band), offsetof(epp_fairness, close_band), offsetof(epp_fairness, pick)}},
      {EPP_EXT_ORDERING, EPP_TABLE_END(epp_ordering, key), {offsetof(epp_ordering, key)}},
      {EPP_EXT_EVICTION_FILTER, EPP_TABLE_END(epp_eviction_filter, accept), {offsetof(epp_eviction_filter, accept)}},
      {EPP_EXT_EVICTION_ORDERING,
       EPP_TABLE_END(epp_eviction_ordering, before),
       {offsetof(epp_eviction_ordering, before)}},
      {EPP_EXT_ENDPOINT_EVENTS,
       EPP_TABLE_END(epp_endpoint_events, on_endpoint_removed),
       {offsetof(epp_endpoint_events, on_endpoint_added), offsetof(epp_endpoint_events, on_endpoint_removed)}},
      {EPP_EXT_STATE_DUMP, EPP_TABLE_END(epp_state_dump, dump), {offsetof(epp_state_dump, dump)}},
      {EPP_EXT_DECIDER, EPP_TABLE_END(epp_decider, decide), {offsetof(epp_decider, decide)}},
      {EPP_EXT_PARSER, EPP_TABLE_END(epp_parser, parse), {offsetof(epp_parser, claims), offsetof(epp_parser, parse)}},
      {EPP_EXT_READINESS, EPP_TABLE_END(epp_readiness, ready), {offsetof(epp_readiness, ready)}},
  };
}

#undef EPP_TABLE_END

}  // namespace

std::span<const KnownPoint> known_points() {
  static const std::vector<KnownPoint> kPoints = make_points();
  return kPoints;
}

const KnownPoint* find_point(std::string_view id) {
  const auto points = known_points();
  const auto at = std::find_if(points.begin(), points.end(), [id](const KnownPoint& point) { return point.id == id; });
  return at != points.end() ? &*at : nullptr;
}

}  // namespace epp::check
