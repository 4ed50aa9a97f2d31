// A decider as the profile handler that refers to it calls it. A draft, as epp.decider/0 and epp.host.instances/0 are.
#ifndef EPP_CPP_DECIDER_HPP
#define EPP_CPP_DECIDER_HPP

#include <epp/cpp/error.hpp>
#include <epp/cpp/host.hpp>
#include <epp/cpp/request.hpp>
#include <epp/ext/decider.h>

#include <string>
#include <string_view>

namespace epp::sdk {

class Decider {
 public:
  Decider() = default;
  Decider(const Host& host, std::string_view name) {
    const epp_host_instances* const instances = host.services().instances;
    if (instances != nullptr) {
      table_ = static_cast<const epp_decider*>(
          instances->extension(host.self(), to_abi(name), to_abi(EPP_EXT_DECIDER), &instance_));
    }
    if (table_ == nullptr) throw Error("plugin '" + std::string(name) + "' is not a decider", EPP_ERR_BAD_REQUEST);
  }
  explicit operator bool() const { return table_ != nullptr; }
  // `endpoint` may be nullptr. False when the decider fails.
  bool decide(const Request& request, const epp_endpoint* endpoint) const {
    uint32_t yes = 0;
    return table_->decide(instance_, request.raw(), endpoint, &yes, nullptr) == EPP_OK && yes != 0;
  }

 private:
  const epp_decider* table_ = nullptr;
  const epp_instance* instance_ = nullptr;
};

}  // namespace epp::sdk

#endif  // EPP_CPP_DECIDER_HPP
