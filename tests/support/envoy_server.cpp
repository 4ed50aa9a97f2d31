#include "support/envoy_server.h"

#include "support/http_client.h"
#include "support/places.h"
#include "support/ports.h"

#include <stdexcept>
#include <string_view>

namespace epp::testing {
namespace {

void replace_port(std::string& text, std::uint16_t from, std::uint16_t to) {
  const std::string wanted = "port_value: " + std::to_string(from) + " ";
  const std::size_t at = text.find(wanted);
  if (at == std::string::npos || text.find(wanted, at + 1) != std::string::npos) {
    throw std::runtime_error("the Envoy bootstrap must have exactly one '" + wanted + "'");
  }
  text.replace(at, wanted.size(), "port_value: " + std::to_string(to) + " ");
}

void erase_all(std::string& text, std::string_view what) {
  for (std::size_t at; (at = text.find(what)) != std::string::npos;)
    text.erase(at, what.size());
}

EnvoyOptions with_port(EnvoyOptions options) {
  if (options.port == 0) options.port = free_port();
  return options;
}

}  // namespace

std::string envoy_bootstrap(const EnvoyOptions& options, std::uint16_t admin_port) {
  std::string text = read_file(source_file("configs/envoy/standalone.yaml"));
  replace_port(text, 8081, options.port);
  replace_port(text, 9002, options.ext_proc_port);
  replace_port(text, 19000, admin_port);
  if (options.tls) erase_all(text, "# [tls] ");
  return text;
}

EnvoyServer::EnvoyServer(EnvoyOptions options)
    : options_(with_port(options)), admin_port_(free_port()), process_([&] {
        const auto bootstrap = directory_.path() / "envoy.yaml";
        write_file(bootstrap, envoy_bootstrap(options_, admin_port_));
        return Process(envoy_program(), {"-c", bootstrap.string(), "--concurrency", "2", "--disable-hot-restart",
                                         "--log-level", "warning", "--drain-time-s", "1"});
      }()) {
  const bool ready = wait_until([&] {
    if (!process_.running()) return true;
    try {
      return http_get(admin_port_, "/ready").status == 200 && accepts(options_.port);
    } catch (const std::runtime_error&) {
      return false;  // Does not listen yet.
    }
  });
  if (!ready || !process_.running()) throw std::runtime_error("Envoy did not start:\n" + process_.output());
}

}  // namespace epp::testing
