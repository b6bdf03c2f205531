# Meterhouse as a container image: docs/containers.md.
FROM node:26-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run --silent build

FROM node:26-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund --ignore-scripts

FROM node:26-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /src/dist ./dist
COPY package.json LICENSE ./
COPY bin ./bin
# The one place that is written to; everything else can be read-only (docker run --read-only).
RUN install -d -o node -g node -m 0700 /data
VOLUME /data
# By number, so that a cluster can see that it is not root. It is the node user of the base image.
USER 1000:1000
EXPOSE 4016
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:4016/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# One helper thread for the collector: docs/operating.md, Few cores.
ENTRYPOINT ["node", "--v8-pool-size=1", "bin/meterhouse.js"]
CMD ["serve", "--host", "0.0.0.0", "--data", "/data"]
