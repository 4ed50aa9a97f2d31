/* A library whose exported functions mention every struct of version 1, so that abidiff sees all that plugins see: what
 * the structs hold, in which order, and what their functions take and return. Drafts are left out. */
#include <epp/abi.h>
#include <epp/ext/eviction.h>
#include <epp/ext/fairness.h>
#include <epp/ext/filter.h>
#include <epp/ext/lifecycle.h>
#include <epp/ext/ordering.h>
#include <epp/ext/picker.h>
#include <epp/ext/producer.h>
#include <epp/ext/profile_handler.h>
#include <epp/ext/request_hooks.h>
#include <epp/ext/response_hooks.h>
#include <epp/ext/saturation_detector.h>
#include <epp/ext/scorer.h>
#include <epp/ext/usage_limits.h>
#include <epp/host/attributes.h>
#include <epp/host/request.h>
#include <epp/host/services.h>
#include <epp/keys.h>

#define SHOW(type)                                  \
  void epp_show_##type(const type* it);             \
  EPP_EXPORT void epp_show_##type(const type* it) { \
    (void)it;                                       \
  }

SHOW(epp_str)
SHOW(epp_bytes)
SHOW(epp_str_list)
SHOW(epp_u32_list)
SHOW(epp_label)
SHOW(epp_error)
SHOW(epp_value)
SHOW(epp_endpoint)
SHOW(epp_candidates)
SHOW(epp_request)
SHOW(epp_host)
SHOW(epp_instance)
SHOW(epp_create_args)
SHOW(epp_type)
SHOW(epp_entry)
SHOW(epp_filter)
SHOW(epp_endpoint_events)
SHOW(epp_state_dump)
SHOW(epp_picker)
SHOW(epp_producer)
SHOW(epp_profile_result)
SHOW(epp_profile_results)
SHOW(epp_profile_handler)
SHOW(epp_admitter)
SHOW(epp_pre_request)
SHOW(epp_usage)
SHOW(epp_response)
SHOW(epp_response_header)
SHOW(epp_response_complete)
SHOW(epp_saturation_detector)
SHOW(epp_queued_request)
SHOW(epp_flow)
SHOW(epp_fairness)
SHOW(epp_ordering)
SHOW(epp_usage_limits)
SHOW(epp_running_request)
SHOW(epp_eviction_ordering)
SHOW(epp_reservations)
SHOW(epp_scorer)
SHOW(epp_host_attributes)
SHOW(epp_prompt_part)
SHOW(epp_host_request)
SHOW(epp_log_field)
SHOW(epp_host_log)
SHOW(epp_host_clock)
SHOW(epp_host_metrics)
SHOW(epp_host_parameters)
SHOW(epp_completion_value)
SHOW(epp_host_async)
SHOW(epp_mm_feature)
