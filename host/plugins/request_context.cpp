#include "plugins/request_context.h"

#include "endpoints/column.h"
#include "plugins/guarded_call.h"
#include "plugins/value_store.h"

#include <algorithm>
#include <cstddef>

namespace epp::plugins {

const std::string* HeaderMap::find(std::string_view lower_name) const {
  for (const auto& [name, value] : items()) {
    if (name == lower_name) return &value;
  }
  return nullptr;
}

void HeaderMap::set(std::string_view lower_name, std::string_view value) {
  for (size_t i = 0; i < count_; ++i) {
    if (items_[i]->first == lower_name) {
      items_[i]->second.assign(value);
      return;
    }
  }
  if (count_ == items_.size()) items_.push_back(std::make_unique<Item>());
  Item& item = *items_[count_++];
  item.first.assign(lower_name);
  item.second.assign(value);
}

bool HeaderMap::erase(std::string_view lower_name) {
  for (size_t i = 0; i < count_; ++i) {
    if (items_[i]->first != lower_name) continue;
    // The freed strings go behind the live ones, for reuse.
    const auto at = items_.begin() + static_cast<std::ptrdiff_t>(i);
    std::rotate(at, at + 1, items_.begin() + static_cast<std::ptrdiff_t>(count_));
    --count_;
    return true;
  }
  return false;
}

struct RequestContext::Impl {
  struct State {
    InstancePtr owner;
    void* value = nullptr;
    void (*drop)(void*) = nullptr;

    void release() {
      if (value != nullptr && drop != nullptr) drop_state(*owner, drop, value);
      value = nullptr;
      drop = nullptr;
      owner.reset();
    }
  };

  ValueStore values;
  std::vector<State> states;          // by state index
  std::vector<uint32_t> used_states;  // indices that were set since reset
};

RequestContext& RequestContext::from(const epp_request* request) {
  static_assert(offsetof(AbiBlock, abi) == 0);
  return *reinterpret_cast<const AbiBlock*>(request)->context;
}

RequestContext::RequestContext() : impl_(std::make_unique<Impl>()) {
  block_.context = this;
  block_.abi.size = sizeof(epp_request);
  reset();
}

RequestContext::~RequestContext() {
  reset();
}

void RequestContext::sync() {
  const auto view = [](const std::string& text) { return epp_str{text.data(), text.size()}; };
  epp_request& abi = block_.abi;
  abi.id = view(id);
  abi.path = view(path);
  abi.incoming_model = view(incoming_model);
  abi.target_model = view(target_model);
  abi.objective = view(objective);
  abi.fairness_id = view(fairness_id);
  abi.cache_salt = view(cache_salt);
}

const void* RequestContext::read_column(epp_attr attr, uint32_t type) {
  if (const void* own = impl_->values.column(attr)) return own;
  return shared_column(snapshot.get(), table, attr, type);
}

void* RequestContext::write_column(epp_attr attr, uint32_t type) {
  if (snapshot == nullptr) return nullptr;
  return impl_->values.make_column(attr, type, std::max<size_t>(snapshot->slot_limit(), 1));
}

bool RequestContext::write_element(epp_attr attr, uint32_t slot, const epp_value& value) {
  if (write_column(attr, value.type) == nullptr) return false;
  return impl_->values.write_element(attr, slot, value);
}

void RequestContext::drop_written(std::span<const AttributeUse> uses) {
  for (const AttributeUse& use : uses) {
    if (use.access == EPP_ACCESS_PRODUCE) impl_->values.drop(use.id);
  }
}

const epp_value* RequestContext::value(epp_attr attr) const {
  return impl_->values.value(attr);
}

void RequestContext::set_value(epp_attr attr, const epp_value& value) {
  impl_->values.set_value(attr, value);
}

uint32_t* RequestContext::set_u32(epp_attr attr, size_t count) {
  return impl_->values.set_u32(attr, count);
}

void RequestContext::set_state(const InstancePtr& owner, void* state, void (*drop)(void*)) {
  const uint32_t index = owner->state_index();
  if (index >= impl_->states.size()) impl_->states.resize(index + 1u);
  Impl::State& slot = impl_->states[index];
  if (slot.owner == nullptr && state != nullptr) impl_->used_states.push_back(index);
  if (slot.value == state && state != nullptr) {
    slot.drop = drop;
    return;
  }
  slot.release();
  if (state == nullptr) return;
  slot.owner = owner;
  slot.value = state;
  slot.drop = drop;
}

void* RequestContext::state(uint32_t state_index) const {
  return state_index < impl_->states.size() ? impl_->states[state_index].value : nullptr;
}

void RequestContext::reset() {
  // State first: a drop function may still look at the rest.
  for (const uint32_t index : impl_->used_states)
    impl_->states[index].release();
  impl_->used_states.clear();
  impl_->values.clear();

  for (std::string* text : {&id, &path, &incoming_model, &target_model, &objective, &fairness_id, &cache_salt})
    text->clear();
  headers.clear();
  response_headers.clear();
  body = {};
  prompt_source = nullptr;
  phase = Phase::kNone;
  untold.clear();
  request_mutations.clear();
  response_mutations.clear();
  destination.reset();
  request_metadata.clear();
  response_metadata.clear();
  incoming_metadata.clear();
  snapshot.reset();
  table = nullptr;

  block_.abi = {};
  block_.abi.size = sizeof(epp_request);
  block_.abi.max_output_tokens = -1;
  sync();
}

const void* shared_column(const endpoints::Snapshot* snapshot, const endpoints::EndpointTable* table, epp_attr attr,
                          uint32_t type) {
  using endpoints::Column;
  if (type == EPP_TYPE_I64 && table != nullptr) {
    const int64_t* live = table->live_column(attr);
    if (live != Column::missing_i64()) return live;
  }
  switch (type) {
    case EPP_TYPE_F64:
      return snapshot != nullptr ? snapshot->f64(attr) : Column::missing_f64();
    case EPP_TYPE_I64:
      return snapshot != nullptr ? snapshot->i64(attr) : Column::missing_i64();
    case EPP_TYPE_STR:
      return snapshot != nullptr ? snapshot->str(attr) : Column::missing_str();
    case EPP_TYPE_STR_LIST:
      return snapshot != nullptr ? snapshot->str_list(attr) : Column::missing_str_list();
    default:
      return snapshot != nullptr ? snapshot->bytes(attr) : Column::missing_bytes();
  }
}

}  // namespace epp::plugins
