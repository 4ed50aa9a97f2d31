# The EPP's image:  docker build -t epp-host:0.1.0 .
#
# It holds the host, its plugins and the libraries they need, runs as nobody in particular (65532) and writes nothing.
FROM debian:12 AS build
WORKDIR /src
# First only what installing takes, so that a change of sources does not install everything again.
COPY tools/setup tools/go-tools.sh tools/
RUN tools/setup build
COPY . .
ARG EPP_COMMIT=unknown
RUN cmake -G Ninja -S . -B /build -DEPP_BUILD_TESTS=OFF -DEPP_COMMIT=${EPP_COMMIT} \
 && cmake --build /build \
 && DESTDIR=/image cmake --install /build --component Unspecified

FROM debian:12-slim
# What `epp` is linked with; tests/render/runtime_packages checks it.
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      ca-certificates libgrpc++1.51 libspdlog1.10 libssl3 libyaml-cpp0.7 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /image/ /
USER 65532:65532
# ext-proc, health, metrics
EXPOSE 9002 9003 9090
ENTRYPOINT ["/usr/local/bin/epp"]
