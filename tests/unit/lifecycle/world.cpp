#include "unit/lifecycle/world.h"

#include "plugins/pipeline.h"
#include "request/parser.h"
#include "scheduling/scheduler.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace epp::lifecycle::testing {
namespace {

TestPlugin& self(const epp_instance* instance) {
  return *static_cast<TestPlugin*>(instance->data);
}

plugins::RequestContext& context(const epp_request* request) {
  return plugins::RequestContext::from(request);
}

std::map<std::string, std::map<std::string, std::string>> readable(const MetadataValue* metadata) {
  std::map<std::string, std::map<std::string, std::string>> result;
  if (metadata == nullptr) return result;
  for (const auto& [space, object] : metadata->fields) {
    for (const auto& [key, value] : object.fields) {
      std::string text(value.text);
      if (value.kind == MetadataValue::Kind::kNumber) text = std::to_string(value.number);
      for (const auto& [name, score] : value.fields)
        text += std::string(name) + "=" + std::to_string(score.number) + ";";
      result[std::string(space)][std::string(key)] = text;
    }
  }
  return result;
}

epp_status keep(const std::vector<std::uint32_t>& chosen, std::uint32_t* out, std::uint32_t* count) {
  std::copy(chosen.begin(), chosen.end(), out);
  *count = static_cast<std::uint32_t>(chosen.size());
  return EPP_OK;
}

template <class Table>
Table sized() {
  Table table{};
  table.size = sizeof(Table);
  return table;
}

const epp_request_header kRequestHeader = [] {
  auto table = sized<epp_request_header>();
  table.on_request_header = [](const epp_instance* i, const epp_request* r, epp_error* e) {
    return self(i).on_request_header(context(r), e);
  };
  return table;
}();

const epp_filter kScreener = [] {
  auto table = sized<epp_filter>();
  table.filter = [](const epp_instance* i, const epp_request*, const epp_candidates* c, std::uint32_t* kept,
                    std::uint32_t* count, epp_error*) { return keep(self(i).on_screen(*c), kept, count); };
  return table;
}();

const epp_filter kFilter = [] {
  auto table = sized<epp_filter>();
  table.filter = [](const epp_instance* i, const epp_request*, const epp_candidates* c, std::uint32_t* kept,
                    std::uint32_t* count, epp_error*) { return keep(self(i).on_filter(*c), kept, count); };
  return table;
}();

const epp_producer kProducer = [] {
  auto table = sized<epp_producer>();
  table.produce = [](const epp_instance* i, const epp_request* r, const epp_candidates* c, std::uint64_t token,
                     epp_error* e) { return self(i).on_produce(context(r), *c, token, e); };
  return table;
}();

const epp_admitter kAdmitter = [] {
  auto table = sized<epp_admitter>();
  table.admit = [](const epp_instance* i, const epp_request* r, const epp_candidates*, epp_error* e) {
    return self(i).on_admit(context(r), e);
  };
  return table;
}();

const epp_picker kPicker = [] {
  auto table = sized<epp_picker>();
  table.pick = [](const epp_instance* i, const epp_request*, const epp_candidates* c, const double*,
                  std::uint32_t* picked, std::uint32_t* count,
                  epp_error*) { return keep(self(i).on_pick(*c), picked, count); };
  return table;
}();

const epp_pre_request kPreRequest = [] {
  auto table = sized<epp_pre_request>();
  table.pre_request = [](const epp_instance* i, const epp_request* r, const epp_profile_results* results,
                         epp_error* e) { return self(i).on_pre_request(context(r), *results, e); };
  return table;
}();

const epp_response_header kResponseHeader = [] {
  auto table = sized<epp_response_header>();
  table.on_response_header = [](const epp_instance* i, const epp_request* r, const epp_response* response, epp_error*) {
    self(i).on_response_header(context(r), *response);
    return epp_status{EPP_OK};
  };
  return table;
}();

const epp_response_body kResponseBody = [] {
  auto table = sized<epp_response_body>();
  table.on_response_body = [](const epp_instance* i, const epp_request* r, const epp_response* response,
                              epp_bytes chunk, std::uint32_t end, epp_error*) {
    self(i).on_response_body(context(r), *response, {reinterpret_cast<const char*>(chunk.data), chunk.size}, end != 0);
    return epp_status{EPP_OK};
  };
  return table;
}();

const epp_response_complete kResponseComplete = [] {
  auto table = sized<epp_response_complete>();
  table.on_response_complete = [](const epp_instance* i, const epp_request*, const epp_response* response,
                                  std::uint32_t cause) { self(i).on_response_complete(*response, cause); };
  return table;
}();

const epp_saturation_detector kDetector = [] {
  auto table = sized<epp_saturation_detector>();
  table.saturation = [](const epp_instance* i, const epp_candidates* c, const epp_reservations*, double* saturation,
                        std::uint64_t*, epp_error*) {
    *saturation = self(i).on_saturation(*c);
    return epp_status{EPP_OK};
  };
  return table;
}();

const epp_profile_handler kHandler = [] {
  auto table = sized<epp_profile_handler>();
  table.pick = [](const epp_instance*, const epp_request*, const epp_profile_results* results, std::uint32_t* decisions,
                  epp_error*) {
    for (std::uint64_t i = 0; i < results->count; ++i) {
      if (EPP_AT(epp_profile_result, results->items, results->stride, i)->state == EPP_PROFILE_NOT_RUN)
        decisions[i] = EPP_DECIDE_RUN;
    }
    return epp_status{EPP_OK};
  };
  table.process = [](const epp_instance*, const epp_request*, const epp_profile_results* results,
                     std::uint32_t* primary, std::uint32_t*, epp_error*) {
    if (results->items->state != EPP_PROFILE_SUCCEEDED) return epp_status{EPP_ERR_UNTYPED};
    *primary = 0;
    return epp_status{EPP_OK};
  };
  return table;
}();

void wake_up(std::atomic<int>& wakes) {
  ++wakes;
}

Message headers_message(Inbound::Kind kind, HeaderList headers, bool end_of_stream) {
  Message message;
  message.headers = std::make_shared<HeaderList>(std::move(headers));
  message.inbound.kind = kind;
  message.inbound.end_of_stream = end_of_stream;
  for (const auto& [key, value] : *message.headers)
    message.inbound.headers.push_back({key, value});
  return message;
}

Message body_message(Inbound::Kind kind, std::string body, bool end_of_stream) {
  Message message;
  message.body = std::make_shared<std::string>(std::move(body));
  message.inbound.kind = kind;
  message.inbound.end_of_stream = end_of_stream;
  if (!message.body->empty()) message.inbound.body.push_back(*message.body);
  message.inbound.body_owner = message.body;
  return message;
}

}  // namespace

TestPlugin::TestPlugin(std::string name) {
  static std::atomic<std::uint32_t> next_index{0};
  name_ = name;
  type_ = std::move(name);
  state_index_ = next_index++;
  abi_.size = sizeof(abi_);
  abi_.data = this;
  raw_ = &abi_;
}

void TestPlugin::wire() {
  request_header = on_request_header ? &kRequestHeader : nullptr;
  screener = on_screen ? &kScreener : nullptr;
  producer = on_produce ? &kProducer : nullptr;
  admitter = on_admit ? &kAdmitter : nullptr;
  filter = on_filter ? &kFilter : nullptr;
  picker = on_pick ? &kPicker : nullptr;
  pre_request = on_pre_request ? &kPreRequest : nullptr;
  response_header = on_response_header ? &kResponseHeader : nullptr;
  response_body = on_response_body ? &kResponseBody : nullptr;
  response_complete = on_response_complete ? &kResponseComplete : nullptr;
  detector = on_saturation ? &kDetector : nullptr;
  profile_handler = handles_profiles ? &kHandler : nullptr;
}

void fail_with(epp_error* error, std::string_view message, std::string_view reason) {
  error->message_size = std::min<std::uint64_t>(message.size(), error->message_capacity);
  std::memcpy(error->message, message.data(), error->message_size);
  error->reason_size = std::min<std::uint64_t>(reason.size(), error->reason_capacity);
  if (!reason.empty()) std::memcpy(error->reason, reason.data(), error->reason_size);
}

std::optional<std::string> Sent::header(std::string_view name) const {
  std::optional<std::string> value;
  for (const auto& [key, text] : set) {
    if (key == name) value = text;
  }
  return value;
}

void RecordingOutbox::send(const HeadersReply& reply) {
  Sent& entry = sent.emplace_back();
  entry.kind = Sent::Kind::kHeaders;
  entry.direction = reply.direction;
  for (const HeaderField& field : reply.set_headers)
    entry.set.emplace_back(field.key, field.value);
  entry.removed.assign(reply.remove_headers.begin(), reply.remove_headers.end());
  entry.clear_route_cache = reply.clear_route_cache;
  entry.metadata = readable(reply.dynamic_metadata);
}

void RecordingOutbox::send(const BodyReply& reply) {
  Sent& entry = sent.emplace_back();
  entry.kind = Sent::Kind::kBody;
  entry.direction = reply.direction;
  for (std::string_view piece : reply.pieces)
    entry.body += piece;
  entry.end_of_stream = reply.end_of_stream;
  entry.metadata = readable(reply.dynamic_metadata);
}

void RecordingOutbox::send(const TrailersReply& reply) {
  Sent& entry = sent.emplace_back();
  entry.kind = Sent::Kind::kTrailers;
  entry.direction = reply.direction;
  entry.metadata = readable(reply.dynamic_metadata);
}

void RecordingOutbox::send(const ImmediateReply& reply) {
  Sent& entry = sent.emplace_back();
  entry.kind = Sent::Kind::kImmediate;
  entry.status = reply.status;
  entry.body = reply.body;
  for (const HeaderField& field : reply.headers)
    entry.set.emplace_back(field.key, field.value);
}

void RecordingOutbox::finish(const StreamStatus& status) {
  Sent& entry = sent.emplace_back();
  entry.kind = Sent::Kind::kFinish;
  entry.status = status.code == StreamStatus::Code::kOk ? 0 : 1;
  entry.body = status.message;
}

std::shared_ptr<Waker> RecordingOutbox::waker() {
  class Counter final : public Waker {
   public:
    explicit Counter(std::shared_ptr<std::atomic<int>> wakes) : wakes_(std::move(wakes)) {}
    void wake() override { wake_up(*wakes_); }

   private:
    std::shared_ptr<std::atomic<int>> wakes_;
  };
  return std::make_shared<Counter>(wakes);
}

std::string RecordingOutbox::take_script() {
  std::string script;
  for (; taken_ < sent.size(); ++taken_) {
    const Sent& entry = sent[taken_];
    if (!script.empty()) script += ' ';
    const std::string side = entry.direction == Direction::kRequest ? "q" : "s";
    switch (entry.kind) {
      case Sent::Kind::kHeaders:
        script += side + "h";
        break;
      case Sent::Kind::kBody:
        script += side + (entry.end_of_stream ? "b/E" : "b");
        break;
      case Sent::Kind::kTrailers:
        script += side + "t";
        break;
      case Sent::Kind::kImmediate:
        script += "imm" + std::to_string(entry.status);
        break;
      case Sent::Kind::kFinish:
        script += entry.status == 0 ? "end" : "error";
        break;
    }
  }
  return script;
}

const Sent& RecordingOutbox::last(Sent::Kind kind) const {
  for (auto it = sent.rbegin(); it != sent.rend(); ++it) {
    if (it->kind == kind) return *it;
  }
  throw std::logic_error("nothing of this kind was sent");
}

std::string RecordingOutbox::body(Direction direction) const {
  std::string all;
  for (const Sent& entry : sent) {
    if (entry.kind == Sent::Kind::kBody && entry.direction == direction) all += entry.body;
  }
  return all;
}

void CollectingSink::on_end(std::unique_ptr<telemetry::SpanData> span) noexcept {
  const std::lock_guard lock(mutex_);
  spans_.push_back(std::move(*span));
}

std::vector<telemetry::SpanData> CollectingSink::spans() const {
  const std::lock_guard lock(mutex_);
  return spans_;
}

std::optional<telemetry::SpanData> CollectingSink::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  for (const telemetry::SpanData& span : spans_) {
    if (span.name == name) return span;
  }
  return std::nullopt;
}

World::World() {
  plugins::install_clock(&clock);
  services.table = &table;
  services.attributes = &attributes;
  services.completions = &completions;
  services.budget = &budget;
  services.states = &states;
  services.metrics = &metrics;
  services.pipeline = [this] {
    const std::lock_guard lock(mutex_);
    return pipeline_;
  };
  set_endpoints({{"192.168.1.1", "8000"}, {"192.168.1.2", "8000"}, {"192.168.1.3", "8000"}});
  set_parsers({"openai-parser", "anthropic-parser", "vllmhttp-parser", "passthrough-parser"});
  picker = std::make_shared<TestPlugin>("test-picker");
  picker->on_pick = [](const epp_candidates&) { return std::vector<std::uint32_t>{0}; };
  handler = std::make_shared<TestPlugin>("test-handler");
  handler->handles_profiles = true;
  rebuild();
}

World::~World() {
  plugins::install_clock(nullptr);
}

std::shared_ptr<TestPlugin> World::plugin(std::string name) {
  return plugins_.emplace_back(std::make_shared<TestPlugin>(std::move(name)));
}

void World::rebuild() {
  auto set = std::make_shared<plugins::PluginSet>();
  auto pipeline = std::make_shared<Pipeline>();
  scheduling::ProfileConfig profile;
  profile.name = "default";
  picker->wire();
  handler->wire();
  profile.picker = picker;
  for (const auto& plugin : plugins_) {
    plugin->wire();
    set->instances.push_back(plugin);
    if (plugin->request_header != nullptr) set->request_headers.push_back(plugin);
    if (plugin->screener != nullptr) set->screeners.push_back(plugin);
    if (plugin->producer != nullptr) set->producers.push_back({plugin, plugins::kDefaultProducerLimitNs, {}});
    if (plugin->admitter != nullptr) set->admitters.push_back(plugin);
    if (plugin->filter != nullptr) profile.filters.push_back(plugin);
    if (plugin->pre_request != nullptr) set->pre_requests.push_back(plugin);
    if (plugin->response_header != nullptr) set->response_headers.push_back(plugin);
    if (plugin->response_body != nullptr) set->response_bodies.push_back(plugin);
    if (plugin->response_complete != nullptr) set->response_completes.push_back(plugin);
    if (plugin->detector != nullptr) pipeline->detector = plugin;
  }
  auto scheduler = std::make_shared<scheduling::Scheduler>(std::vector{std::move(profile)}, handler);
  if (const std::string complaint = scheduler->bind(); !complaint.empty()) throw std::logic_error(complaint);
  pipeline->typed_admitter_denials = typed_admitter_denials;
  pipeline->plugins = std::move(set);
  pipeline->scheduler = std::move(scheduler);
  pipeline->parsers = std::make_shared<request::ParserRegistry>(parsers_);
  pipeline->admission = admission;
  pipeline->in_flight = in_flight;
  const std::lock_guard lock(mutex_);
  pipeline_ = std::move(pipeline);
}

void World::set_endpoints(std::initializer_list<std::pair<std::string, std::string>> addresses) {
  std::vector<endpoints::EndpointSpec> specs;
  for (const auto& [address, port] : addresses) {
    endpoints::EndpointSpec& spec = specs.emplace_back();
    spec.name = "pod-" + std::to_string(specs.size());
    spec.address = address;
    spec.port = port;
  }
  table.replace(std::move(specs));
}

void World::set_parsers(std::initializer_list<std::string_view> types) {
  parsers_.clear();
  for (std::string_view type : types)
    parsers_.push_back(request::make_parser(type));
}

double World::metric(std::string_view series) const {
  const std::size_t brace = series.find('{');
  const std::string_view name = series.substr(0, brace);
  const std::string text = registry.render().body;
  double sum = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(name) || (line[name.size()] != ' ' && line[name.size()] != '{')) continue;
    bool matches = true;
    for (std::string_view rest = brace == std::string_view::npos ? std::string_view() : series.substr(brace + 1);
         !rest.empty();) {
      const std::size_t cut = rest.find_first_of(",}");
      matches = matches && line.find(rest.substr(0, cut)) != std::string_view::npos;
      rest = cut == std::string_view::npos ? std::string_view() : rest.substr(cut + 1);
    }
    if (matches) sum += std::stod(std::string(line.substr(line.rfind(' ') + 1)));
  }
  return sum;
}

Message request_headers(HeaderList headers, bool end_of_stream) {
  return headers_message(Inbound::Kind::kRequestHeaders, std::move(headers), end_of_stream);
}

Message request_body(std::string body, bool end_of_stream) {
  return body_message(Inbound::Kind::kRequestBody, std::move(body), end_of_stream);
}

Message request_trailers() {
  Message message;
  message.inbound.kind = Inbound::Kind::kRequestTrailers;
  return message;
}

Message response_headers(HeaderList headers, bool end_of_stream) {
  return headers_message(Inbound::Kind::kResponseHeaders, std::move(headers), end_of_stream);
}

Message response_body(std::string body, bool end_of_stream) {
  return body_message(Inbound::Kind::kResponseBody, std::move(body), end_of_stream);
}

Message response_trailers() {
  Message message;
  message.inbound.kind = Inbound::Kind::kResponseTrailers;
  return message;
}

void add_subset(Message& message, std::initializer_list<std::string_view> entries) {
  MetadataValue& hint =
      message.inbound.metadata.field("envoy.lb.subset_hint").field("x-gateway-destination-endpoint-subset");
  hint.kind = MetadataValue::Kind::kList;
  for (std::string_view entry : entries)
    hint.list.push_back(MetadataValue::of(entry));
}

}  // namespace epp::lifecycle::testing
