#include "endpoints/endpoint.h"

#include "endpoints/slot_pool.h"

#include <algorithm>

namespace epp::endpoints {
namespace {

epp_str view(const std::string& text) {
  return {text.data(), text.size()};
}

std::vector<epp_label> views(const std::vector<std::pair<std::string, std::string>>& texts) {
  std::vector<epp_label> labels;
  labels.reserve(texts.size());
  for (const auto& [key, value] : texts)
    labels.push_back({view(key), view(value)});
  return labels;
}

std::string join_host_port(const std::string& host, const std::string& port) {
  const bool ipv6 = host.find(':') != std::string::npos;
  return ipv6 ? "[" + host + "]:" + port : host + ":" + port;
}

}  // namespace

Endpoint::Endpoint(EndpointSpec spec, uint64_t uid, std::shared_ptr<SlotPool> pool, uint32_t slot, bool owns_slot)
    : spec_(std::move(spec)), pool_(owns_slot ? std::move(pool) : nullptr) {
  if (spec_.workload.empty()) spec_.workload = spec_.name;
  id_ = spec_.id();
  host_port_ = join_host_port(spec_.address, spec_.port);
  metrics_host_ = spec_.metrics_host.empty() ? host_port_ : spec_.metrics_host;
  labels_ = views(spec_.labels);
  annotations_ = views(spec_.annotations);

  abi_.size = sizeof(epp_endpoint);
  abi_.slot = slot;
  abi_.uid = uid;
  abi_.id = view(id_);
  abi_.name_space = view(spec_.name_space);
  abi_.name = view(spec_.name);
  abi_.workload = view(spec_.workload);
  abi_.address = view(spec_.address);
  abi_.port = view(spec_.port);
  abi_.host_port = view(host_port_);
  abi_.node_address = view(spec_.node_address);
  abi_.labels = labels_.data();
  abi_.label_count = labels_.size();
  abi_.rank = spec_.rank;
  abi_.annotations = annotations_.data();
  abi_.annotation_count = annotations_.size();
}

Endpoint::~Endpoint() {
  if (pool_) pool_->give_back(abi_.slot);
}

const std::string* Endpoint::label(std::string_view key) const {
  const auto found = std::lower_bound(spec_.labels.begin(), spec_.labels.end(), key,
                                      [](const auto& label, std::string_view wanted) { return label.first < wanted; });
  return found != spec_.labels.end() && found->first == key ? &found->second : nullptr;
}

}  // namespace epp::endpoints
