import "@cloudscape-design/global-styles/index.css";
import "./console.css";
import I18nProvider from "@cloudscape-design/components/i18n";
import messages from "@cloudscape-design/components/i18n/messages/all.en";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { ApiProblem } from "./api.ts";
import { App } from "./app.tsx";
import { Flashes } from "./flash.tsx";
import { LiveUpdates } from "./live.tsx";
import { base } from "./parts/link.tsx";
import { SessionGate } from "./session.tsx";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What the server refuses it refuses again; what it cannot be reached for may come back.
      retry: (count, error) => error instanceof ApiProblem && error.status === 0 && count < 3,
      staleTime: 1_000,
      refetchOnWindowFocus: false,
    },
  },
});

const place = document.getElementById("app");
if (place === null) throw new Error("index.html has no place for the console");
createRoot(place).render(
  <StrictMode>
    <I18nProvider locale="en" messages={[messages]}>
      <QueryClientProvider client={queries}>
        <Router base={base}>
          <SessionGate>
            <Flashes>
              <LiveUpdates>
                <App />
              </LiveUpdates>
            </Flashes>
          </SessionGate>
        </Router>
      </QueryClientProvider>
    </I18nProvider>
  </StrictMode>,
);
