#include "kube/field.h"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace epp::kube {
namespace {

bool is_ip_literal(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1 || inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

std::string address_of(const Field& field) {
  std::string text = field.text();
  if (!text.empty() && !is_ip_literal(text)) field.fail("must be an IP address");
  return text;
}

bool is_ready(const Field& conditions) {
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    const Field condition = conditions[i];
    if (condition["type"].text() == "Ready") return condition["status"].text() == "True";
  }
  return false;
}

}  // namespace

Read<Pod> read_pod(const Json& object) {
  return read_view<Pod>(object, [](const Field& root, Pod& pod) {
    pod.meta = read_metadata(root);
    const Field status = root["status"];
    pod.pod_ip = address_of(status["podIP"]);
    pod.host_ip = status["hostIP"].text();
    pod.ready_condition = is_ready(status["conditions"]);
  });
}

}  // namespace epp::kube
