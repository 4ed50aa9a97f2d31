/* The layout of every public struct of ABI 1.0, pinned. A failing assertion here means that plugins built against the
 * released headers would break: append members, never move them. Sizes of structs that grow (they start with `size`)
 * are their v1 sizes: >= is what must hold for them; what is appended later is listed under the minor that brought it.
 * Structs of drafts stand in layout_drafts.c. That none is forgotten is checked by layout_test.cpp. */
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

#define AT(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #type "." #member " moved")
#define FROZEN(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " is frozen")
#define GROWS(type, bytes) \
  AT(type, size, 0);       \
  _Static_assert(sizeof(type) >= (bytes) && sizeof(type) % 8 == 0, #type " shrank or has a ragged end")

/* epp_str */
FROZEN(epp_str, 16);
AT(epp_str, data, 0);
AT(epp_str, size, 8);

/* epp_bytes */
FROZEN(epp_bytes, 16);
AT(epp_bytes, data, 0);
AT(epp_bytes, size, 8);

/* epp_str_list */
FROZEN(epp_str_list, 16);
AT(epp_str_list, items, 0);
AT(epp_str_list, count, 8);

/* epp_u32_list */
FROZEN(epp_u32_list, 16);
AT(epp_u32_list, items, 0);
AT(epp_u32_list, count, 8);

/* epp_label */
FROZEN(epp_label, 32);
AT(epp_label, key, 0);
AT(epp_label, value, 16);

/* epp_error */
GROWS(epp_error, 56);
AT(epp_error, reserved, 4);
AT(epp_error, message, 8);
AT(epp_error, message_capacity, 16);
AT(epp_error, message_size, 24);
AT(epp_error, reason, 32);
AT(epp_error, reason_capacity, 40);
AT(epp_error, reason_size, 48);

/* epp_value */
FROZEN(epp_value, 24);
AT(epp_value, type, 0);
AT(epp_value, reserved, 4);
AT(epp_value, u, 8);

/* epp_endpoint */
GROWS(epp_endpoint, 184);
AT(epp_endpoint, slot, 4);
AT(epp_endpoint, uid, 8);
AT(epp_endpoint, id, 16);
AT(epp_endpoint, name_space, 32);
AT(epp_endpoint, name, 48);
AT(epp_endpoint, workload, 64);
AT(epp_endpoint, address, 80);
AT(epp_endpoint, port, 96);
AT(epp_endpoint, host_port, 112);
AT(epp_endpoint, node_address, 128);
AT(epp_endpoint, labels, 144);
AT(epp_endpoint, label_count, 152);
AT(epp_endpoint, rank, 160);
AT(epp_endpoint, reserved, 164);
AT(epp_endpoint, annotations, 168);
AT(epp_endpoint, annotation_count, 176);

/* epp_candidates */
GROWS(epp_candidates, 40);
AT(epp_candidates, count, 4);
AT(epp_candidates, slots, 8);
AT(epp_candidates, endpoints, 16);
AT(epp_candidates, slot_limit, 24);
AT(epp_candidates, snapshot, 32);

/* epp_request */
GROWS(epp_request, 160);
AT(epp_request, flags, 4);
AT(epp_request, api, 8);
AT(epp_request, priority, 12);
AT(epp_request, id, 16);
AT(epp_request, serial, 32);
AT(epp_request, path, 40);
AT(epp_request, incoming_model, 56);
AT(epp_request, target_model, 72);
AT(epp_request, objective, 88);
AT(epp_request, fairness_id, 104);
AT(epp_request, cache_salt, 120);
AT(epp_request, body_size, 136);
AT(epp_request, max_output_tokens, 144);
AT(epp_request, received_ns, 152);

/* epp_host */
GROWS(epp_host, 56);
AT(epp_host, abi_major, 4);
AT(epp_host, abi_minor, 8);
AT(epp_host, reserved, 12);
AT(epp_host, name, 16);
AT(epp_host, version, 32);
AT(epp_host, get_extension, 48);

/* epp_instance */
GROWS(epp_instance, 32);
AT(epp_instance, reserved, 4);
AT(epp_instance, data, 8);
AT(epp_instance, get_extension, 16);
AT(epp_instance, destroy, 24);

/* epp_create_args */
GROWS(epp_create_args, 72);
AT(epp_create_args, reserved, 4);
AT(epp_create_args, host, 8);
AT(epp_create_args, self, 16);
AT(epp_create_args, name, 24);
AT(epp_create_args, type, 40);
AT(epp_create_args, parameters, 56);

/* epp_type */
GROWS(epp_type, 152);
AT(epp_type, stability, 4);
AT(epp_type, name, 8);
AT(epp_type, version, 24);
AT(epp_type, vendor, 40);
AT(epp_type, description, 56);
AT(epp_type, parameters_schema, 72);
AT(epp_type, extensions, 88);
AT(epp_type, default_keys, 104);
AT(epp_type, replaced_by, 120);
AT(epp_type, references, 136);
AT(epp_type, create, 144);

/* epp_entry */
GROWS(epp_entry, 40);
AT(epp_entry, abi_major, 4);
AT(epp_entry, abi_minor, 8);
AT(epp_entry, type_count, 12);
AT(epp_entry, types, 16);
AT(epp_entry, init, 24);
AT(epp_entry, deinit, 32);

/* epp_filter */
GROWS(epp_filter, 16);
AT(epp_filter, reserved, 4);
AT(epp_filter, filter, 8);

/* epp_endpoint_events */
GROWS(epp_endpoint_events, 24);
AT(epp_endpoint_events, reserved, 4);
AT(epp_endpoint_events, on_endpoint_added, 8);
AT(epp_endpoint_events, on_endpoint_removed, 16);

/* epp_state_dump */
GROWS(epp_state_dump, 16);
AT(epp_state_dump, reserved, 4);
AT(epp_state_dump, dump, 8);

/* epp_picker */
GROWS(epp_picker, 16);
AT(epp_picker, reserved, 4);
AT(epp_picker, pick, 8);

/* epp_producer */
GROWS(epp_producer, 32);
AT(epp_producer, reserved, 4);
AT(epp_producer, produce, 8);
AT(epp_producer, time_limit, 16);
AT(epp_producer, cancel, 24);

/* epp_profile_result */
GROWS(epp_profile_result, 88);
AT(epp_profile_result, state, 4);
AT(epp_profile_result, name, 8);
AT(epp_profile_result, targets, 24);
AT(epp_profile_result, target_count, 32);
AT(epp_profile_result, candidates, 40);
AT(epp_profile_result, scores, 48);
AT(epp_profile_result, candidate_count, 56);
AT(epp_profile_result, status, 64);
AT(epp_profile_result, reserved, 68);
AT(epp_profile_result, message, 72);

/* epp_profile_results */
GROWS(epp_profile_results, 40);
AT(epp_profile_results, primary, 4);
AT(epp_profile_results, items, 8);
AT(epp_profile_results, count, 16);
AT(epp_profile_results, stride, 24);
AT(epp_profile_results, endpoints, 32);

/* epp_profile_handler */
GROWS(epp_profile_handler, 32);
AT(epp_profile_handler, reserved, 4);
AT(epp_profile_handler, bind, 8);
AT(epp_profile_handler, pick, 16);
AT(epp_profile_handler, process, 24);

/* epp_admitter */
GROWS(epp_admitter, 16);
AT(epp_admitter, reserved, 4);
AT(epp_admitter, admit, 8);

/* epp_pre_request */
GROWS(epp_pre_request, 16);
AT(epp_pre_request, reserved, 4);
AT(epp_pre_request, pre_request, 8);

/* epp_usage */
GROWS(epp_usage, 40);
AT(epp_usage, has_cached, 4);
AT(epp_usage, prompt_tokens, 8);
AT(epp_usage, completion_tokens, 16);
AT(epp_usage, total_tokens, 24);
AT(epp_usage, cached_tokens, 32);

/* epp_response */
GROWS(epp_response, 56);
AT(epp_response, flags, 4);
AT(epp_response, status, 8);
AT(epp_response, chunks, 12);
AT(epp_response, target, 16);
AT(epp_response, body_size, 24);
AT(epp_response, first_byte_ns, 32);
AT(epp_response, streamed_events, 40);
AT(epp_response, usage, 48);

/* epp_response_header */
GROWS(epp_response_header, 16);
AT(epp_response_header, reserved, 4);
AT(epp_response_header, on_response_header, 8);

/* epp_response_complete */
GROWS(epp_response_complete, 16);
AT(epp_response_complete, reserved, 4);
AT(epp_response_complete, on_response_complete, 8);

/* epp_saturation_detector */
GROWS(epp_saturation_detector, 24);
AT(epp_saturation_detector, reserved, 4);
AT(epp_saturation_detector, saturation, 8);
AT(epp_saturation_detector, believed_age, 16);

/* epp_queued_request */
GROWS(epp_queued_request, 56);
AT(epp_queued_request, priority, 4);
AT(epp_queued_request, request, 8);
AT(epp_queued_request, enqueued_ns, 16);
AT(epp_queued_request, deadline_ns, 24);
AT(epp_queued_request, received_ns, 32);
AT(epp_queued_request, bytes, 40);
AT(epp_queued_request, cost, 48);

/* epp_flow */
GROWS(epp_flow, 72);
AT(epp_flow, index, 4);
AT(epp_flow, id, 8);
AT(epp_flow, weight, 24);
AT(epp_flow, length, 32);
AT(epp_flow, bytes, 40);
AT(epp_flow, head, 48);
AT(epp_flow, head_key, 56);
AT(epp_flow, head_arrival, 64);

/* epp_fairness */
GROWS(epp_fairness, 64);
AT(epp_fairness, reserved, 4);
AT(epp_fairness, open_band, 8);
AT(epp_fairness, close_band, 16);
AT(epp_fairness, flow_added, 24);
AT(epp_fairness, flow_removed, 32);
AT(epp_fairness, head_changed, 40);
AT(epp_fairness, pick, 48);
AT(epp_fairness, charged, 56);

/* epp_ordering */
GROWS(epp_ordering, 24);
AT(epp_ordering, reserved, 4);
AT(epp_ordering, key, 8);
AT(epp_ordering, before, 16);

/* epp_usage_limits */
GROWS(epp_usage_limits, 16);
AT(epp_usage_limits, reserved, 4);
AT(epp_usage_limits, ceilings, 8);

/* epp_running_request */
GROWS(epp_running_request, 88);
AT(epp_running_request, priority, 4);
AT(epp_running_request, id, 8);
AT(epp_running_request, serial, 24);
AT(epp_running_request, fairness_id, 32);
AT(epp_running_request, host_port, 48);
AT(epp_running_request, dispatched_ns, 64);
AT(epp_running_request, cost, 72);
AT(epp_running_request, response_chunks, 80);

/* epp_eviction_ordering */
GROWS(epp_eviction_ordering, 16);
AT(epp_eviction_ordering, reserved, 4);
AT(epp_eviction_ordering, before, 8);

/* epp_reservations */
GROWS(epp_reservations, 32);
AT(epp_reservations, reserved, 4);
AT(epp_reservations, undecided, 8);
AT(epp_reservations, undecided_tokens, 16);
AT(epp_reservations, unseen, 24);

/* epp_scorer */
GROWS(epp_scorer, 16);
AT(epp_scorer, category, 4);
AT(epp_scorer, score, 8);

/* epp_host_attributes */
GROWS(epp_host_attributes, 112);
AT(epp_host_attributes, reserved, 4);
AT(epp_host_attributes, declare, 8);
AT(epp_host_attributes, f64, 16);
AT(epp_host_attributes, i64, 24);
AT(epp_host_attributes, str, 32);
AT(epp_host_attributes, str_list, 40);
AT(epp_host_attributes, bytes, 48);
AT(epp_host_attributes, write_f64, 56);
AT(epp_host_attributes, write_i64, 64);
AT(epp_host_attributes, write, 72);
AT(epp_host_attributes, get, 80);
AT(epp_host_attributes, set, 88);
AT(epp_host_attributes, set_u32, 96);
AT(epp_host_attributes, live_add, 104);

/* epp_prompt_part */
FROZEN(epp_prompt_part, 40);
AT(epp_prompt_part, kind, 0);
AT(epp_prompt_part, prompt, 4);
AT(epp_prompt_part, data, 8);
AT(epp_prompt_part, aux, 24);

/* epp_host_request */
GROWS(epp_host_request, 104);
AT(epp_host_request, reserved, 4);
AT(epp_host_request, header, 8);
AT(epp_host_request, body, 16);
AT(epp_host_request, prompt, 24);
AT(epp_host_request, set_header, 32);
AT(epp_host_request, remove_header, 40);
AT(epp_host_request, set_destination, 48);
AT(epp_host_request, response_header, 56);
AT(epp_host_request, set_response_header, 64);
AT(epp_host_request, metadata, 72);
AT(epp_host_request, set_metadata, 80);
AT(epp_host_request, set_state, 88);
AT(epp_host_request, state, 96);

/* epp_log_field */
FROZEN(epp_log_field, 40);
AT(epp_log_field, key, 0);
AT(epp_log_field, value, 16);

/* epp_host_log */
GROWS(epp_host_log, 24);
AT(epp_host_log, reserved, 4);
AT(epp_host_log, enabled, 8);
AT(epp_host_log, write, 16);

/* epp_host_clock */
GROWS(epp_host_clock, 40);
AT(epp_host_clock, reserved, 4);
AT(epp_host_clock, now_ns, 8);
AT(epp_host_clock, wall_ns, 16);
AT(epp_host_clock, start_timer, 24);
AT(epp_host_clock, stop_timer, 32);

/* epp_host_metrics */
GROWS(epp_host_metrics, 72);
AT(epp_host_metrics, reserved, 4);
AT(epp_host_metrics, counter, 8);
AT(epp_host_metrics, gauge, 16);
AT(epp_host_metrics, histogram, 24);
AT(epp_host_metrics, series, 32);
AT(epp_host_metrics, remove, 40);
AT(epp_host_metrics, add, 48);
AT(epp_host_metrics, set, 56);
AT(epp_host_metrics, observe, 64);

/* epp_host_parameters */
GROWS(epp_host_parameters, 56);
AT(epp_host_parameters, reserved, 4);
AT(epp_host_parameters, kind, 8);
AT(epp_host_parameters, boolean, 16);
AT(epp_host_parameters, number, 24);
AT(epp_host_parameters, string, 32);
AT(epp_host_parameters, count, 40);
AT(epp_host_parameters, key, 48);

/* epp_completion_value */
FROZEN(epp_completion_value, 32);
AT(epp_completion_value, attr, 0);
AT(epp_completion_value, slot, 4);
AT(epp_completion_value, value, 8);

/* epp_host_async */
GROWS(epp_host_async, 16);
AT(epp_host_async, reserved, 4);
AT(epp_host_async, complete, 8);

/* epp_mm_feature */
FROZEN(epp_mm_feature, 24);
AT(epp_mm_feature, prompt, 0);
AT(epp_mm_feature, modality, 4);
AT(epp_mm_feature, offset, 8);
AT(epp_mm_feature, length, 12);
AT(epp_mm_feature, hash, 16);

int epp_layout_v1(void) {
  return 1;
}
