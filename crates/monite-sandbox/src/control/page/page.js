// Feeds the page. What comes from the API is only ever put in as text, never as markup.
"use strict";

const EVERY_MS = 1000;
const ROWS = 50;
const $ = (id) => document.getElementById(id);

async function call(method, path, body) {
  const answer = await fetch("/_sandbox" + path, { method, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  const document = text ? JSON.parse(text) : null;
  if (!answer.ok) throw new Error(document?.error?.message ?? `status ${answer.status}`);
  return document;
}

function element(name, classes, text) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  if (text !== undefined && text !== null) made.textContent = text;
  return made;
}

// Changes a text only when it differs, so that nothing flickers and selections stay.
function say(node, text) {
  text = String(text ?? "");
  if (node.textContent !== text) node.textContent = text;
}

// The same for a property.
function put(node, property, value) {
  if (node[property] !== value) node[property] = value;
}

// Makes the children of `parent` those of `rows`, in order; a row seen before keeps its node.
function sync(parent, rows, key, make, update) {
  const known = new Map([...parent.children].filter((child) => child.dataset.key).map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const row of rows) {
    const id = key(row);
    let node = known.get(id);
    known.delete(id);
    if (!node) {
      node = make(row);
      node.dataset.key = id;
    }
    update(node, row);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const node of known.values()) node.remove();
}

function table(id, rows, key, cells, nothing) {
  const body = $(id);
  const columns = body.parentElement.querySelectorAll("th").length;
  const make = () => {
    const line = element("tr");
    for (let column = 0; column < columns; column++) line.append(element("td"));
    return line;
  };
  sync(body, rows, key, make, (line, row) => cells(row).forEach((fill, column) => fill(line.children[column])));
  let empty = body.querySelector("tr.none");
  if (rows.length === 0 && !empty) {
    empty = element("tr", "none");
    const cell = element("td", "empty", nothing);
    cell.colSpan = columns;
    empty.append(cell);
    body.append(empty);
  } else if (rows.length > 0) empty?.remove();
}

const text = (value, classes) => (cell) => {
  say(cell, value);
  if (classes !== undefined) put(cell, "className", classes);
};
const identity = (id) => (cell) => {
  say(cell, id ? id.slice(0, 8) : "");
  put(cell, "className", "mono");
  put(cell, "title", id ?? "");
};
const time = (stamp) => String(stamp ?? "").slice(11, 19);
const dated = (stamp) => String(stamp ?? "").slice(0, 19).replace("T", " ");

function showStatus(status) {
  return (cell) => {
    say(cell, status ?? "cut");
    put(cell, "className", "status " + (status === null ? "cut" : "s" + Math.floor(status / 100)));
  };
}

// The path, and the body under it for whoever wants to see it.
function showPath(entry) {
  return (cell) => {
    if (cell.firstChild) return;
    cell.className = "wrap mono";
    const path = entry.path + (entry.query ? "?" + entry.query : "");
    if (entry.body === null) {
      cell.textContent = path;
      return;
    }
    const details = element("details");
    details.append(element("summary", "", path), element("pre", "", JSON.stringify(entry.body, null, 2)));
    cell.append(details);
  };
}

function showRequests(journal) {
  table("requests", journal.requests, (entry) => entry.request_id, (entry) => [
    text(time(entry.at), "mono"), text(entry.method, "mono"), showPath(entry), showStatus(entry.status),
    text(entry.fault ?? "", "s4"), text(entry.ms < 10 ? entry.ms.toFixed(1) : Math.round(entry.ms), "number"),
    identity(entry.request_id),
  ], "No requests yet.");
  say($("journal-total"), `${journal.total.toLocaleString("en")} in all`);
}

const NAMES = {
  entities: "entities", roles: "roles", entity_users: "users", tokens: "tokens", webhook_subscriptions: "subscriptions",
  webhook_deliveries: "deliveries", events: "events", requests: "requests",
};

function showCounts(overview) {
  const counts = Object.entries({ ...overview.counts, requests: overview.requests.total });
  const make = () => {
    const tile = element("div");
    tile.append(element("dt"), element("dd"));
    return tile;
  };
  sync($("counts"), counts, ([name]) => name, make, (tile, [name, count]) => {
    say(tile.firstChild, NAMES[name] ?? name.replaceAll("_", " "));
    say(tile.lastChild, count.toLocaleString("en"));
  });
}

function showState(latest) {
  const named = (entity) => entity.organization?.legal_name
    ?? `${entity.individual?.first_name ?? ""} ${entity.individual?.last_name ?? ""}`;
  table("entities", latest.entities, (entity) => entity.id, (entity) => [
    text(named(entity), "wrap"), text(entity.email ?? ""), text(entity.address.country), text(entity.status),
    text(dated(entity.updated_at), "mono"), identity(entity.id),
  ], "None yet: POST /v1/entities makes one.");
  table("entity_users", latest.entity_users, (user) => user.id, (user) => [
    text(user.login, "wrap"), text(`${user.first_name} ${user.last_name ?? ""}`, "wrap"), identity(user.role_id),
    text(user.status), text(dated(user.updated_at), "mono"), identity(user.id),
  ], "None yet.");
  table("roles", latest.roles, (role) => role.id, (role) => [
    text(role.name, "wrap"), text(role.holders, "number"), text(role.status), identity(role.entity_id), identity(role.id),
  ], "None yet.");
}

function showWebhooks(latest) {
  const outcome = (delivery) => delivery.was_successful === null ? "pending" : delivery.was_successful ? "delivered" : "given up";
  const colours = { pending: "s4", delivered: "s2", "given up": "s5" };
  table("deliveries", latest.webhook_deliveries, (delivery) => delivery.id, (delivery) => [
    text(delivery.event?.action ?? ""), text(delivery.url, "wrap mono"), text(outcome(delivery), colours[outcome(delivery)]),
    text(delivery.requests_made_count, "number"), text(delivery.response_status_code ?? delivery.failure ?? "", "wrap"),
    text(delivery.next_attempt_at ? time(delivery.next_attempt_at) : "", "mono"),
  ], "Nothing sent yet.");
  table("subscriptions", latest.webhook_subscriptions, (subscription) => subscription.id, (subscription) => [
    text(subscription.object_type), text(subscription.event_types.join(", ") || "all", "wrap"),
    text(subscription.url, "wrap mono"), text(subscription.status), identity(subscription.id),
  ], "Nobody is subscribed.");
}

function showClock(clock) {
  say($("clock-now"), dated(clock.now));
  const offset = Math.round(clock.offset_seconds);
  say($("clock-offset"), offset === 0 ? "real time" : `${span(offset)} ahead`);
}

function span(seconds) {
  const parts = [[Math.floor(seconds / 86400), "d"], [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"], [seconds % 60, "s"]];
  return parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`).join(" ");
}

// A form somebody is changing is left alone.
function showLimit(limit) {
  const form = $("limit");
  const off = limit.limit === "off";
  say($("limit-now"), off ? "no limit" : `${limit.remaining} of ${limit.limit} left`);
  const meter = $("limit-meter");
  meter.hidden = off;
  if (!off) {
    put(meter, "max", limit.limit);
    put(meter, "value", limit.remaining);
  }
  if (form.dataset.touched) return;
  put(form.elements.limit, "value", String(limit.limit));
  put(form.elements.algorithm, "value", limit.algorithm);
}

function inWords(action) {
  const [[kind, value]] = Object.entries(action).filter(([key]) => key !== "retry_after");
  switch (kind) {
    case "status": return `answered ${value}` + (action.retry_after ? `, retry after ${action.retry_after} s` : "");
    case "delay_ms": return `delayed ${value} ms`;
    case "stale_ms": return `reads lag ${value} ms`;
    case "close": return { before: "cut before", middle: "cut in the middle", after: "answer lost" }[value];
    case "expire_tokens": return "all tokens expire";
    case "rate_limit": return `rate limit ${value}`;
    default: return JSON.stringify(action);
  }
}

let rules = [];

function showFaults(faults) {
  rules = faults;
  $("no-faults").hidden = faults.length > 0;
  $("clear-faults").hidden = faults.length === 0;
  const make = () => {
    const line = element("li");
    const tools = element("span", "tools");
    const remove = element("button", "plain", "Remove");
    remove.type = "button";
    remove.addEventListener("click", () => act(() => removeFault(Number(line.dataset.key))));
    tools.append(element("span", "quiet"), " ", remove);
    line.append(element("span"), tools);
    return line;
  };
  sync($("faults"), faults.map((rule, index) => ({ rule, index })), ({ index }) => String(index), make, (line, { rule }) => {
    const what = `${rule.method ?? "any"} ${rule.path ?? "*"}: ${inWords(rule.action)}`;
    const share = rule.probability === undefined ? "" : `, ${Math.round(rule.probability * 100)} %`;
    say(line.firstChild, what + share);
    say(line.lastChild.firstChild, rule.times === undefined ? `${rule.hits} hits` : `${rule.hits} of ${rule.times}`);
    put(line, "className", rule.times !== undefined && rule.hits >= rule.times ? "used" : "");
  });
}

const removeFault = (index) => call("PUT", "/faults", { rules: rules.filter((_, place) => place !== index) });

function showSnapshots(snapshots) {
  const make = (snapshot) => {
    const line = element("li");
    const tools = element("span", "tools");
    const path = "/snapshots/" + encodeURIComponent(snapshot.name);
    for (const [label, method] of [["Restore", "POST"], ["Forget", "DELETE"]]) {
      const button = element("button", "plain", label);
      button.type = "button";
      button.setAttribute("aria-label", `${label} snapshot ${snapshot.name}`);
      button.addEventListener("click", () => act(() => call(method, path)));
      tools.append(button, " ");
    }
    line.append(element("span"), tools);
    return line;
  };
  sync($("snapshots"), snapshots, (snapshot) => snapshot.name, make, (line, snapshot) =>
    say(line.firstChild, `${snapshot.name}, ${snapshot.entities} entities, ${time(snapshot.taken_at)}`));
}

function showQuirks(quirks) {
  const rows = Object.entries(quirks);
  const changed = rows.filter(([, quirk]) => quirk.value !== quirk.default).length;
  say($("quirks-count"), changed === 0 ? `${rows.length}, all as expected` : `${changed} of ${rows.length} flipped`);
  const make = ([name, quirk]) => {
    const label = element("label");
    label.title = name;
    const select = element("select");
    select.name = name;
    for (const option of quirk.options) select.append(element("option", "", option));
    select.addEventListener("change", () => act(() => call("PUT", "/quirks", { [name]: select.value })));
    label.append(element("span", "", quirk.about), select);
    return label;
  };
  sync($("quirks"), rows, ([name]) => name, make, (label, [, quirk]) => {
    if (document.activeElement !== label.lastChild) put(label.lastChild, "value", quirk.value);
    put(label.firstChild, "className", quirk.value === quirk.default ? "" : "changed");
  });
}

function journalPath() {
  const filter = new URLSearchParams({ limit: ROWS });
  for (const [name, value] of new FormData($("filter"))) if (value.trim()) filter.set(name, value.trim());
  return "/requests?" + filter;
}

function connected(state) {
  const pill = $("connection");
  say(pill, state);
  put(pill, "className", "pill " + state);
}

async function look() {
  try {
    const [overview, journal, quirks] =
      await Promise.all([call("GET", "/overview"), call("GET", journalPath()), call("GET", "/quirks")]);
    showCounts(overview);
    showState(overview.latest);
    showWebhooks(overview.latest);
    showClock(overview.clock);
    showLimit(overview.rate_limit);
    showFaults(overview.faults);
    showSnapshots(overview.snapshots);
    showRequests(journal);
    showQuirks(quirks);
    connected("live");
  } catch (error) {
    connected("lost");
    console.debug(error);
  }
}

let looking = null;
let again = false;

// One look at a time; whoever asks meanwhile gets one more when it is over.
function lookSoon() {
  again = true;
  looking ??= (async () => {
    while (again) {
      again = false;
      await look();
    }
    looking = null;
  })();
  return looking;
}

async function act(action) {
  const notice = $("notice");
  try {
    await action();
    notice.hidden = true;
  } catch (error) {
    notice.hidden = false;
    say(notice, error.message);
  }
  await lookSoon();
}

function onSubmit(id, action) {
  const form = $(id);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    delete form.dataset.touched;
    act(() => action(form.elements));
  });
}

const FAULT_VALUES = {
  status: ["Status", "503"], delay_ms: ["Milliseconds", "500"], stale_ms: ["Milliseconds", "2000"],
  rate_limit: ["Calls a second, or off", "5"],
};

function fault(fields) {
  const kind = fields.action.value;
  const value = fields.value.value.trim();
  if (kind.startsWith("close-")) return { close: kind.slice("close-".length) };
  if (kind === "expire_tokens") return { expire_tokens: true };
  return { [kind]: value === "off" ? value : Number(value) };
}

function rule(fields) {
  const made = { action: fault(fields) };
  if (fields.method.value) made.method = fields.method.value;
  if (fields.path.value.trim()) made.path = fields.path.value.trim();
  if (fields.times.value) made.times = Number(fields.times.value);
  if (fields.probability.value) made.probability = Number(fields.probability.value);
  return made;
}

// A second click within three seconds means it.
function whenSure(button, action) {
  const label = button.textContent;
  let timer;
  const calm = () => {
    button.classList.remove("sure");
    button.textContent = label;
  };
  button.addEventListener("click", () => {
    clearTimeout(timer);
    if (button.classList.contains("sure")) {
      calm();
      action();
    } else {
      button.classList.add("sure");
      button.textContent = "Click again to reset";
      timer = setTimeout(calm, 3000);
    }
  });
}

function begin() {
  say($("base-url"), location.origin + "/v1");
  for (const button of document.querySelectorAll("[data-advance]")) {
    button.addEventListener("click", () =>
      act(() => call("POST", "/clock", { advance_seconds: Number(button.dataset.advance) })));
  }
  $("limit").addEventListener("input", () => { $("limit").dataset.touched = "yes"; });
  onSubmit("limit", ({ limit, algorithm }) => call("PUT", "/rate-limit",
    { limit: limit.value === "off" ? "off" : Number(limit.value), algorithm: algorithm.value }));
  onSubmit("fault", (fields) => call("POST", "/faults", rule(fields)));
  onSubmit("snapshot", ({ name }) => call("PUT", "/snapshots/" + encodeURIComponent(name.value)));
  onSubmit("filter", () => Promise.resolve());
  $("filter").addEventListener("input", lookSoon);
  $("fault").elements.action.addEventListener("change", (event) => {
    const field = $("fault-value");
    const [label, value] = FAULT_VALUES[event.target.value] ?? [];
    field.hidden = label === undefined;
    if (label) {
      say(field.firstElementChild, label);
      field.lastElementChild.value = value;
    }
  });
  $("clear-faults").addEventListener("click", () => act(() => call("DELETE", "/faults")));
  whenSure($("reset"), () => act(() => call("POST", "/reset")));
  setInterval(() => { if (!document.hidden) lookSoon(); }, EVERY_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) lookSoon(); });
  lookSoon();
}

begin();
