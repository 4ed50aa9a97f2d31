// epp.host.request/1: headers, body, prompt, mutations by phase, per-instance state.
#include "plugins/host_tables.h"
#include "plugins/hosted_instance.h"
#include "plugins/request_context.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace epp::plugins {

namespace {

epp_str find_header(const HeaderMap& headers, epp_str name) {
  const std::string* value = headers.find(view(name));
  return value != nullptr ? to_abi(*value) : epp_str{};
}

void write_error(epp_error* error, std::string_view text) {
  if (error == nullptr || error->message == nullptr) return;
  error->message_size = std::min<uint64_t>(text.size(), error->message_capacity);
  std::memcpy(error->message, text.data(), error->message_size);
}

// A hook changed the request where it may not.
epp_status out_of_phase(const epp_self* self, std::string_view what) {
  self->instance->count_fault(current_point(*self->instance), Fault::kScopeWrite, what);
  return EPP_ERR_FORBIDDEN;
}

// A lower-case token (RFC 9110), or a pseudo-header's name.
bool is_header_name(std::string_view name) {
  if (name.starts_with(':')) name.remove_prefix(1);
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

// A line of its own would be another header.
bool is_header_value(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

// Whether the proxy can be asked for it; counted when not.
bool is_header(const epp_self* self, std::string_view name, std::string_view value) {
  if (is_header_name(name) && is_header_value(value)) return true;
  self->instance->count_fault(current_point(*self->instance), Fault::kError,
                              is_header_name(name) ? "set a header to a value with a line break or a NUL"
                                                   : "changed a header whose name is no lower-case token");
  return false;
}

bool may_change_request(const RequestContext& context) {
  return context.phase == Phase::kRequestHeader || context.phase == Phase::kPreRequest;
}

epp_str header(const epp_request* request, epp_str name) {
  return find_header(RequestContext::from(request).headers, name);
}

epp_bytes body(const epp_request* request) {
  const auto bytes = RequestContext::from(request).body;
  return {bytes.data(), bytes.size()};
}

epp_status prompt(epp_self*, const epp_request* request, const epp_prompt_part** parts, uint64_t* count,
                  epp_error* error) {
  const RequestContext& context = RequestContext::from(request);
  *parts = nullptr;
  *count = 0;
  std::span<const epp_prompt_part> found;
  std::string why;
  if (context.prompt_source == nullptr || !context.prompt_source->prompt(found, why)) {
    write_error(error, why.empty() ? std::string_view("the request has no prompt") : why);
    return EPP_ERR_UNTYPED;
  }
  *parts = found.data();
  *count = found.size();
  return EPP_OK;
}

epp_status set_header(epp_self* self, const epp_request* request, epp_str name, epp_str value) {
  RequestContext& context = RequestContext::from(request);
  if (!may_change_request(context)) return out_of_phase(self, "set_header outside of request-header and pre-request");
  if (!is_header(self, view(name), view(value))) return EPP_ERR_BAD_REQUEST;
  // A copy first: the value may be a view of another header.
  const HeaderMutation& change =
      context.request_mutations.emplace_back(std::string(view(name)), std::string(view(value)), false);
  context.headers.set(change.name, change.value);
  return EPP_OK;
}

epp_status remove_header(epp_self* self, const epp_request* request, epp_str name) {
  RequestContext& context = RequestContext::from(request);
  if (!may_change_request(context))
    return out_of_phase(self, "remove_header outside of request-header and pre-request");
  if (!is_header(self, view(name), {})) return EPP_ERR_BAD_REQUEST;
  const HeaderMutation& change = context.request_mutations.emplace_back(std::string(view(name)), std::string(), true);
  context.headers.erase(change.name);
  return EPP_OK;
}

epp_status set_destination(epp_self* self, const epp_request* request, epp_str destination) {
  RequestContext& context = RequestContext::from(request);
  if (context.phase != Phase::kPreRequest) return out_of_phase(self, "set_destination outside of pre-request");
  context.destination = std::string(view(destination));
  return EPP_OK;
}

epp_str response_header(const epp_request* request, epp_str name) {
  return find_header(RequestContext::from(request).response_headers, name);
}

epp_status set_response_header(epp_self* self, const epp_request* request, epp_str name, epp_str value) {
  RequestContext& context = RequestContext::from(request);
  if (context.phase != Phase::kResponseHeader) {
    return out_of_phase(self, "set_response_header outside of response-header");
  }
  if (!is_header(self, view(name), view(value))) return EPP_ERR_BAD_REQUEST;
  const HeaderMutation& change =
      context.response_mutations.emplace_back(std::string(view(name)), std::string(view(value)), false);
  context.response_headers.set(change.name, change.value);
  return EPP_OK;
}

epp_str metadata(const epp_request* request, epp_str name_space, epp_str key) {
  for (const MetadataEntry& entry : RequestContext::from(request).incoming_metadata) {
    if (entry.name_space == view(name_space) && entry.key == view(key)) return to_abi(entry.text);
  }
  return {};
}

epp_status set_metadata(epp_self* self, const epp_request* request, epp_str name_space, epp_str key,
                        const epp_value* value) {
  RequestContext& context = RequestContext::from(request);
  const bool early = context.phase == Phase::kPreRequest;
  if (!early && context.phase != Phase::kResponseEnd) {
    return out_of_phase(self, "set_metadata outside of pre-request and the end of the response body");
  }
  MetadataEntry entry;
  entry.name_space = view(name_space);
  entry.key = view(key);
  entry.is_number = value->type != EPP_TYPE_STR;
  if (value->type == EPP_TYPE_F64) {
    entry.number = value->u.f64;
  } else if (value->type == EPP_TYPE_I64) {
    entry.number = static_cast<double>(value->u.i64);
  } else if (value->type == EPP_TYPE_STR) {
    entry.text = view(value->u.str);
  } else {
    return EPP_ERR_BAD_REQUEST;
  }
  auto& entries = early ? context.request_metadata : context.response_metadata;
  std::erase_if(entries,
                [&](const MetadataEntry& old) { return old.name_space == entry.name_space && old.key == entry.key; });
  entries.push_back(std::move(entry));
  return EPP_OK;
}

epp_status set_state(epp_self* self, const epp_request* request, void* state, void (*drop)(void*)) {
  RequestContext::from(request).set_state(self->instance->shared_from_this(), state, drop);
  return EPP_OK;
}

void* state(epp_self* self, const epp_request* request) {
  return RequestContext::from(request).state(self->instance->state_index());
}

}  // namespace

const epp_host_request kHostRequest{sizeof(epp_host_request),
                                    0,
                                    &header,
                                    &body,
                                    &prompt,
                                    &set_header,
                                    &remove_header,
                                    &set_destination,
                                    &response_header,
                                    &set_response_header,
                                    &metadata,
                                    &set_metadata,
                                    &set_state,
                                    &state};

}  // namespace epp::plugins
