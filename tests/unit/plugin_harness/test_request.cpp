#include "unit/plugin_harness/test_request.h"

#include <stdexcept>
#include <utility>

namespace epp::testing {

namespace {

epp_str to_abi(std::string_view text) {
  return {text.data(), text.size()};
}

epp_value number(double value) {
  epp_value result{};
  result.type = EPP_TYPE_F64;
  result.u.f64 = value;
  return result;
}

epp_value number(int64_t value) {
  epp_value result{};
  result.type = EPP_TYPE_I64;
  result.u.i64 = value;
  return result;
}

epp_attr intern(endpoints::AttributeRegistry& registry, std::string_view key, uint32_t type,
                endpoints::Storage storage) {
  const epp_attr attr = registry.intern(key, type, storage);
  if (attr == EPP_ATTR_NONE) throw std::runtime_error("attribute " + std::string(key) + " is known with another shape");
  return attr;
}

}  // namespace

void TestRequest::Impl::add_part(uint32_t kind, uint32_t prompt_index, std::string data, std::string aux) {
  const std::string& kept = texts.emplace_back(std::move(data));
  const std::string& kept_aux = texts.emplace_back(std::move(aux));
  epp_prompt_part part{};
  part.kind = kind;
  part.prompt = prompt_index;
  part.data = {reinterpret_cast<const uint8_t*>(kept.data()), kept.size()};
  part.aux = to_abi(kept_aux);
  parts.push_back(part);
}

TestRequest::TestRequest(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
  impl_->context.prompt_source = impl_.get();
}
TestRequest::TestRequest(TestRequest&&) noexcept = default;
TestRequest::~TestRequest() = default;

plugins::RequestContext& TestRequest::context() {
  impl_->context.sync();
  return impl_->context;
}

TestRequest& TestRequest::id(std::string_view value) {
  impl_->context.id = value;
  return *this;
}
TestRequest& TestRequest::model(std::string_view value) {
  impl_->context.incoming_model = value;
  return target_model(value);
}
TestRequest& TestRequest::target_model(std::string_view value) {
  impl_->context.target_model = value;
  return *this;
}
TestRequest& TestRequest::header(std::string_view name, std::string_view value) {
  impl_->context.headers.set(name, value);
  return *this;
}
TestRequest& TestRequest::response_header(std::string_view name, std::string_view value) {
  impl_->context.response_headers.set(name, value);
  return *this;
}
TestRequest& TestRequest::metadata(std::string_view name_space, std::string_view key, std::string_view value) {
  plugins::MetadataEntry entry;
  entry.name_space = name_space;
  entry.key = key;
  entry.text = value;
  impl_->context.incoming_metadata.push_back(std::move(entry));
  return *this;
}
TestRequest& TestRequest::body(std::string_view bytes) {
  impl_->body = bytes;
  impl_->context.body = {reinterpret_cast<const uint8_t*>(impl_->body.data()), impl_->body.size()};
  impl_->context.abi()->body_size = impl_->body.size();
  return *this;
}
TestRequest& TestRequest::text(std::string_view text, uint32_t prompt) {
  return part(EPP_PART_TEXT, text, {}, prompt);
}
TestRequest& TestRequest::token_ids(std::vector<uint32_t> ids, uint32_t prompt) {
  const std::vector<uint32_t>& kept = impl_->ids.emplace_back(std::move(ids));
  epp_prompt_part part{};
  part.kind = EPP_PART_TOKEN_IDS;
  part.prompt = prompt;
  part.data = {reinterpret_cast<const uint8_t*>(kept.data()), kept.size() * sizeof(uint32_t)};
  impl_->parts.push_back(part);
  return *this;
}
TestRequest& TestRequest::part(uint32_t kind, std::string_view data, std::string_view aux, uint32_t prompt) {
  impl_->add_part(kind, prompt, std::string(data), std::string(aux));
  return *this;
}
TestRequest& TestRequest::cache_salt(std::string_view value) {
  impl_->context.cache_salt = value;
  return *this;
}
TestRequest& TestRequest::fairness_id(std::string_view value) {
  impl_->context.fairness_id = value;
  return *this;
}
TestRequest& TestRequest::objective(std::string_view value) {
  impl_->context.objective = value;
  return *this;
}
TestRequest& TestRequest::path(std::string_view value) {
  impl_->context.path = value;
  return *this;
}
TestRequest& TestRequest::priority(int32_t value) {
  impl_->context.abi()->priority = value;
  return *this;
}
TestRequest& TestRequest::max_output_tokens(int64_t value) {
  impl_->context.abi()->max_output_tokens = value;
  return *this;
}
TestRequest& TestRequest::api(uint32_t value) {
  impl_->context.abi()->api = value;
  return *this;
}
TestRequest& TestRequest::streaming(bool value) {
  impl_->context.abi()->flags = value ? EPP_REQUEST_STREAM : 0u;
  return *this;
}

TestRequest& TestRequest::attribute(std::string_view key, double value) {
  impl_->context.set_value(intern(impl_->attributes, key, EPP_TYPE_F64, endpoints::Storage::kRequest), number(value));
  return *this;
}
TestRequest& TestRequest::attribute(std::string_view key, int64_t value) {
  impl_->context.set_value(intern(impl_->attributes, key, EPP_TYPE_I64, endpoints::Storage::kRequest), number(value));
  return *this;
}
TestRequest& TestRequest::attribute(std::string_view key, std::string_view value) {
  epp_value v{};
  v.type = EPP_TYPE_STR;
  v.u.str = to_abi(value);
  impl_->context.set_value(intern(impl_->attributes, key, EPP_TYPE_STR, endpoints::Storage::kRequest), v);
  return *this;
}
TestRequest& TestRequest::attribute(std::string_view key, std::vector<uint32_t> value) {
  epp_value v{};
  v.type = EPP_TYPE_U32_LIST;
  v.u.u32_list = {value.data(), value.size()};
  impl_->context.set_value(intern(impl_->attributes, key, EPP_TYPE_U32_LIST, endpoints::Storage::kRequest), v);
  return *this;
}
TestRequest& TestRequest::attribute_bytes(std::string_view key, std::string_view bytes) {
  epp_value v{};
  v.type = EPP_TYPE_BYTES;
  v.u.bytes = {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  impl_->context.set_value(intern(impl_->attributes, key, EPP_TYPE_BYTES, endpoints::Storage::kRequest), v);
  return *this;
}

TestRequest& TestRequest::column(std::string_view key, std::map<std::string, double> values) {
  ColumnSetup setup{intern(impl_->attributes, key, EPP_TYPE_F64, endpoints::Storage::kPerRequest), EPP_TYPE_F64, {}};
  for (const auto& [name, value] : values)
    setup.values.emplace(name, number(value));
  impl_->columns.push_back(std::move(setup));
  return *this;
}
TestRequest& TestRequest::column_i64(std::string_view key, std::map<std::string, int64_t> values) {
  ColumnSetup setup{intern(impl_->attributes, key, EPP_TYPE_I64, endpoints::Storage::kPerRequest), EPP_TYPE_I64, {}};
  for (const auto& [name, value] : values)
    setup.values.emplace(name, number(value));
  impl_->columns.push_back(std::move(setup));
  return *this;
}

TestRequest& TestRequest::result(std::string_view profile, std::vector<std::string> targets,
                                 std::vector<std::pair<std::string, double>> candidates) {
  impl_->results.push_back(
      {std::string(profile), EPP_PROFILE_SUCCEEDED, std::move(targets), std::move(candidates), EPP_OK, {}});
  return *this;
}
TestRequest& TestRequest::failed_result(std::string_view profile, std::string_view message, epp_status status) {
  impl_->results.push_back({std::string(profile), EPP_PROFILE_FAILED, {}, {}, status, std::string(message)});
  return *this;
}
TestRequest& TestRequest::skipped_result(std::string_view profile) {
  impl_->results.push_back({std::string(profile), EPP_PROFILE_SKIPPED, {}, {}, EPP_OK, {}});
  return *this;
}
TestRequest& TestRequest::profile_not_run(std::string_view profile) {
  impl_->results.push_back({std::string(profile), EPP_PROFILE_NOT_RUN, {}, {}, EPP_OK, {}});
  return *this;
}
TestRequest& TestRequest::primary(std::string_view profile) {
  impl_->primary = profile;
  return *this;
}
TestRequest& TestRequest::clear_results() {
  impl_->results.clear();
  impl_->primary.clear();
  return *this;
}

}  // namespace epp::testing
