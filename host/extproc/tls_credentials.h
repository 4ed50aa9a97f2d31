// gRPC server credentials over a TlsIdentity.
#pragma once

#include "extproc/tls.h"

#include <memory>

#include <grpcpp/security/server_credentials.h>

namespace epp::extproc {

/// Asks `identity` at each handshake.
std::shared_ptr<grpc::ServerCredentials> make_tls_credentials(std::shared_ptr<const TlsIdentity> identity);

}  // namespace epp::extproc
