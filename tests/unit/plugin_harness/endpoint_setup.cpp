// Setting up endpoints and reading what plugins wrote about them.
#include "unit/plugin_harness/harness_impl.h"

#include <algorithm>
#include <limits>

namespace epp::testing {

namespace {

endpoints::EndpointSpec& spec_of(std::vector<endpoints::EndpointSpec>& specs, std::string_view name) {
  const auto at = std::find_if(specs.begin(), specs.end(), [&](const auto& spec) { return spec.name == name; });
  if (at == specs.end()) throw std::runtime_error("no endpoint " + std::string(name));
  return *at;
}

using Texts = std::vector<std::pair<std::string, std::string>>;

void put(Texts& sorted, std::string_view key, std::string_view value) {
  std::erase_if(sorted, [&](const auto& text) { return text.first == key; });
  sorted.emplace_back(key, value);
  std::sort(sorted.begin(), sorted.end());
}

}  // namespace

EndpointSetup PluginHarness::endpoint(std::string_view name) {
  auto& specs = impl_->specs;
  const bool known = std::any_of(specs.begin(), specs.end(), [&](const auto& spec) { return spec.name == name; });
  if (!known) {
    endpoints::EndpointSpec spec;
    spec.name = name;
    spec.address = "10.0.0." + std::to_string(specs.size() + 1);
    spec.port = "8000";
    specs.push_back(spec);
    impl_->table.upsert(std::move(spec));
  }
  return EndpointSetup(this, std::string(name));
}

void PluginHarness::remove_endpoint(std::string_view name) {
  std::erase_if(impl_->specs, [&](const auto& spec) { return spec.name == name; });
  impl_->snapshot.reset();
  impl_->table.remove("default/" + std::string(name));
}

std::vector<std::string> PluginHarness::endpoint_names() const {
  std::vector<std::string> names;
  for (const auto& spec : impl_->specs)
    names.push_back(spec.name);
  return names;
}

const epp_endpoint& PluginHarness::endpoint_abi(std::string_view name) {
  return impl_->endpoint(name)->abi();
}

EndpointSetup& EndpointSetup::label(std::string_view key, std::string_view value) {
  endpoints::EndpointSpec& spec = spec_of(host_->impl_->specs, name_);
  put(spec.labels, key, value);
  host_->impl_->table.upsert(spec);
  return *this;
}
EndpointSetup& EndpointSetup::annotation(std::string_view key, std::string_view value) {
  endpoints::EndpointSpec& spec = spec_of(host_->impl_->specs, name_);
  put(spec.annotations, key, value);
  host_->impl_->table.upsert(spec);
  return *this;
}
EndpointSetup& EndpointSetup::address(std::string_view address, std::string_view port) {
  endpoints::EndpointSpec& spec = spec_of(host_->impl_->specs, name_);
  spec.address = address;
  spec.port = port;
  host_->impl_->table.upsert(spec);
  return *this;
}
EndpointSetup& EndpointSetup::rank(uint32_t rank) {
  endpoints::EndpointSpec& spec = spec_of(host_->impl_->specs, name_);
  spec.rank = rank;
  host_->impl_->table.upsert(spec);
  return *this;
}
EndpointSetup& EndpointSetup::workload(std::string_view name) {
  endpoints::EndpointSpec& spec = spec_of(host_->impl_->specs, name_);
  spec.workload = name;
  host_->impl_->table.upsert(spec);
  return *this;
}
EndpointSetup& EndpointSetup::node(std::string_view address) {
  endpoints::EndpointSpec& spec = spec_of(host_->impl_->specs, name_);
  spec.node_address = address;
  host_->impl_->table.upsert(spec);
  return *this;
}

template <typename Value>
EndpointSetup& EndpointSetup::store(std::string_view key, uint32_t type, Value value) {
  const epp_attr attr = host_->impl_->attributes.intern(key, type, endpoints::Storage::kSnapshot);
  if (attr == EPP_ATTR_NONE) throw std::runtime_error("attribute " + std::string(key) + " is known with another shape");
  endpoints::ScrapedValues values;
  values.set(attr, std::move(value));
  host_->impl_->table.store(*host_->impl_->endpoint(name_), values);
  return *this;
}
EndpointSetup& EndpointSetup::set(std::string_view key, double value) {
  return store(key, EPP_TYPE_F64, value);
}
EndpointSetup& EndpointSetup::set(std::string_view key, int64_t value) {
  return store(key, EPP_TYPE_I64, value);
}
EndpointSetup& EndpointSetup::set(std::string_view key, std::string_view value) {
  return store(key, EPP_TYPE_STR, std::string(value));
}
EndpointSetup& EndpointSetup::set(std::string_view key, std::vector<std::string> value) {
  return store(key, EPP_TYPE_STR_LIST, std::move(value));
}
EndpointSetup& EndpointSetup::live(std::string_view key, int64_t value) {
  const epp_attr attr = host_->impl_->attributes.intern(key, EPP_TYPE_I64, endpoints::Storage::kLive);
  if (attr == EPP_ATTR_NONE) throw std::runtime_error("attribute " + std::string(key) + " is known with another shape");
  const endpoints::EndpointPtr& endpoint = host_->impl_->endpoint(name_);
  endpoints::EndpointTable& table = host_->impl_->table;
  const int64_t before = __atomic_load_n(table.live_column(attr) + endpoint->slot(), __ATOMIC_RELAXED);
  table.live_add(attr, endpoint->slot(), endpoint->uid(), value - before);
  return *this;
}

TestRequest PluginHarness::request() {
  return TestRequest(std::make_unique<TestRequest::Impl>(impl_->attributes));
}

void PluginHarness::candidates(std::vector<std::string> names) {
  impl_->chosen = std::move(names);
}

std::vector<double> PluginHarness::f64(TestRequest& request, std::string_view key) {
  impl_->stage(*request.impl_);
  const auto* column =
      static_cast<const double*>(request.context().read_column(impl_->attributes.find(key), EPP_TYPE_F64));
  std::vector<double> values;
  for (const auto& spec : impl_->specs)
    values.push_back(column[impl_->slot(spec.name)]);
  return values;
}

std::vector<int64_t> PluginHarness::i64(TestRequest& request, std::string_view key) {
  impl_->stage(*request.impl_);
  const auto* column =
      static_cast<const int64_t*>(request.context().read_column(impl_->attributes.find(key), EPP_TYPE_I64));
  std::vector<int64_t> values;
  for (const auto& spec : impl_->specs)
    values.push_back(column[impl_->slot(spec.name)]);
  return values;
}

std::vector<int64_t> PluginHarness::live(std::string_view key) {
  const int64_t* column = impl_->table.live_column(impl_->attributes.find(key));
  std::vector<int64_t> values;
  for (const auto& spec : impl_->specs)
    values.push_back(__atomic_load_n(&column[impl_->slot(spec.name)], __ATOMIC_RELAXED));
  return values;
}

epp_value PluginHarness::value(TestRequest& request, std::string_view key) {
  const epp_value* found = request.context().value(impl_->attributes.find(key));
  return found != nullptr ? *found : epp_value{};
}

std::string PluginHarness::text_value(TestRequest& request, std::string_view key) {
  const epp_value found = value(request, key);
  return found.type == EPP_TYPE_STR ? std::string(view(found.u.str)) : std::string();
}

std::vector<uint32_t> PluginHarness::u32_value(TestRequest& request, std::string_view key) {
  const epp_value found = value(request, key);
  if (found.type != EPP_TYPE_U32_LIST) return {};
  return {found.u.u32_list.items, found.u.u32_list.items + found.u.u32_list.count};
}

}  // namespace epp::testing
