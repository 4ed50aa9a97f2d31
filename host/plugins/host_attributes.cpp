// epp.host.attributes/1: every access is checked against what the instance declared.
#include "plugins/host_tables.h"
#include "plugins/hosted_instance.h"
#include "plugins/request_context.h"
#include "plugins/value_arena.h"

#include <string>

namespace epp::plugins {

namespace {

void violation(const epp_self* self, Fault fault, epp_attr attr) {
  const endpoints::AttributeInfo* info = self->environment->attributes->info(attr);
  self->instance->count_fault(current_point(*self->instance), fault, info != nullptr ? info->key : "unknown attribute");
}

RequestContext* context_of(const epp_request* request) {
  return request != nullptr ? &RequestContext::from(request) : nullptr;
}

epp_attr declare(epp_self* self, epp_str key, uint32_t type, uint32_t scope, uint32_t access, uint32_t kind) {
  return self->instance->declare(view(key), type, scope, access, kind);
}

const void* read(epp_self* self, const epp_request* request, const epp_candidates* candidates, epp_attr attr,
                 uint32_t type) {
  if (self->instance->read_type(attr) != type) {
    violation(self, Fault::kScopeRead, attr);
    return shared_column(nullptr, nullptr, attr, type);
  }
  if (RequestContext* context = context_of(request)) return context->read_column(attr, type);
  const auto* snapshot = static_cast<const endpoints::Snapshot*>(candidates->snapshot);
  return shared_column(snapshot, self->environment->table, attr, type);
}

template <typename T, uint32_t kType>
const T* read_as(epp_self* self, const epp_request* request, const epp_candidates* candidates, epp_attr attr) {
  return static_cast<const T*>(read(self, request, candidates, attr, kType));
}

// Whether the instance may write `attr` with this type now; counted when not.
bool may_write(const epp_self* self, const RequestContext* context, epp_attr attr, uint32_t type, uint32_t scope) {
  const AttributeUse* use = self->instance->may_write(attr) ? self->instance->use_of(attr) : nullptr;
  const bool declared =
      use != nullptr && use->type == type && use->scope == scope && use->kind == EPP_COLUMN_PER_REQUEST;
  const bool in_time = context != nullptr && (scope == EPP_SCOPE_REQUEST || context->phase == Phase::kProduce);
  if (declared && in_time) return true;
  violation(self, Fault::kScopeWrite, attr);
  return false;
}

void* write_column(epp_self* self, const epp_request* request, epp_attr attr, uint32_t type) {
  RequestContext* context = context_of(request);
  if (!may_write(self, context, attr, type, EPP_SCOPE_ENDPOINT)) return nullptr;
  return context->write_column(attr, type);
}

double* write_f64(epp_self* self, const epp_request* request, const epp_candidates*, epp_attr attr) {
  return static_cast<double*>(write_column(self, request, attr, EPP_TYPE_F64));
}

int64_t* write_i64(epp_self* self, const epp_request* request, const epp_candidates*, epp_attr attr) {
  return static_cast<int64_t*>(write_column(self, request, attr, EPP_TYPE_I64));
}

epp_status write(epp_self* self, const epp_request* request, const epp_candidates*, epp_attr attr, uint32_t slot,
                 const epp_value* value) {
  RequestContext* context = context_of(request);
  if (value == nullptr || !may_write(self, context, attr, value->type, EPP_SCOPE_ENDPOINT)) return EPP_ERR_FORBIDDEN;
  return context->write_element(attr, slot, *value) ? EPP_OK : EPP_ERR_BAD_REQUEST;
}

epp_status get(epp_self* self, const epp_request* request, epp_attr attr, epp_value* value) {
  *value = {};
  if (self->instance->read_type(attr) == 0) {
    violation(self, Fault::kScopeRead, attr);
    return EPP_ERR_FORBIDDEN;
  }
  const RequestContext* context = context_of(request);
  const epp_value* found = context != nullptr ? context->value(attr) : nullptr;
  if (found != nullptr) *value = *found;
  return EPP_OK;
}

epp_status set(epp_self* self, const epp_request* request, epp_attr attr, const epp_value* value) {
  RequestContext* context = context_of(request);
  if (value == nullptr || !may_write(self, context, attr, value->type, EPP_SCOPE_REQUEST)) return EPP_ERR_FORBIDDEN;
  context->set_value(attr, *value);
  return EPP_OK;
}

uint32_t* set_u32(epp_self* self, const epp_request* request, epp_attr attr, uint64_t count) {
  RequestContext* context = context_of(request);
  if (!may_write(self, context, attr, EPP_TYPE_U32_LIST, EPP_SCOPE_REQUEST) || count > kMostItems) return nullptr;
  return context->set_u32(attr, static_cast<size_t>(count));
}

int64_t live_add(epp_self* self, epp_attr attr, uint32_t slot, uint64_t uid, int64_t delta) {
  if (!self->instance->may_write(attr)) {
    violation(self, Fault::kScopeWrite, attr);
    return 0;
  }
  endpoints::EndpointTable* table = self->environment->table;
  return table != nullptr ? table->live_add(attr, slot, uid, delta) : 0;
}

}  // namespace

const epp_host_attributes kHostAttributes{sizeof(epp_host_attributes),
                                          0,
                                          &declare,
                                          &read_as<double, EPP_TYPE_F64>,
                                          &read_as<int64_t, EPP_TYPE_I64>,
                                          &read_as<epp_str, EPP_TYPE_STR>,
                                          &read_as<epp_str_list, EPP_TYPE_STR_LIST>,
                                          &read_as<epp_bytes, EPP_TYPE_BYTES>,
                                          &write_f64,
                                          &write_i64,
                                          &write,
                                          &get,
                                          &set,
                                          &set_u32,
                                          &live_add};

}  // namespace epp::plugins
