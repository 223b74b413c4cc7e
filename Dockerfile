# Both programs on a small image with bash, so that a task is one pipeline:
#
#     docker build --tag intercom-singer .
#     docker run --env-file settings.env intercom-singer bash -c '
#       set -meuo pipefail
#       trap "kill -TERM %% || :; wait; exit 143" TERM
#       tap-intercom | target-gcs &
#       wait $!'
#
# As process 1 bash ignores SIGTERM unless it is trapped: here `docker stop` reaches both programs (-m
# gives them a process group of their own), and what the last STATE covers is stored. That takes up to
# ten seconds, as long as `docker stop` waits: give it more with `--time 30`.
FROM rust:1.95-slim-trixie AS build
WORKDIR /src
COPY . .
RUN cargo install --locked --path . --root /out

FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 singer
COPY --from=build /out/bin/ /usr/local/bin/
USER singer
WORKDIR /home/singer
CMD ["tap-intercom", "--help"]
