// A text area whose words are coloured by what stands behind it. The text goes to Python a moment
// after each key; whatever comes from Python or a person is put in as text, never as HTML.
const PAUSE_MS = 300;
const FORGOTTEN_UP_TO = "autograph-drafts forgotten up to";
const PARTS = /(\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}|\{#[\s\S]*?#\}|^# (?:system|user|assistant)[ \t]*$)/m;

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const frame = parentElement.querySelector(".editor");
  const area = frame.querySelector("textarea");
  const behind = frame.querySelector("pre");
  for (const [name, colour] of Object.entries(data.colours)) {
    frame.style.setProperty(`--${name}`, colour);
  }
  area.setAttribute("aria-label", data.label);
  area.spellcheck = false;

  const kept = name(data.reference);
  const draw = () => colour(behind, area.value, data.unknown);
  const send = () => {
    clearTimeout(frame.waiting);
    if (area.value !== frame.sent) {
      frame.sent = area.value;
      setStateValue("written", { stamp: frame.stamp, text: area.value });
    }
  };
  const changed = () => {
    remember(kept, area.value, data.saved);
    draw();
    clearTimeout(frame.waiting);
    frame.waiting = setTimeout(send, PAUSE_MS);
  };

  if (frame.stamp !== data.stamp) {
    const first = frame.stamp === undefined;
    frame.stamp = data.stamp;
    forgetOnce(data.forgotten);
    frame.inserted = data.insert ? data.insert.number : 0;
    const draft = first && data.text === data.saved ? recalled(kept) : null;
    area.value = draft === null ? data.text : draft;
    frame.sent = data.text;
    remember(kept, area.value, data.saved);
    if (draft !== null) send();
  } else if (data.insert && frame.inserted !== data.insert.number) {
    frame.inserted = data.insert.number;
    area.setRangeText(data.insert.text, area.selectionStart, area.selectionEnd, "end");
    area.focus();
    changed();
  }
  area.oninput = changed;
  area.onblur = send;
  area.onkeydown = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
  };
  draw();
}

function colour(behind, text, unknown) {
  const names = unknown.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const wrong = names.length ? new RegExp(`(?<![\\w.])(${names.join("|")})(?!\\w)`) : null;
  const children = [];
  for (const part of text.split(PARTS)) {
    const kind = kindOf(part);
    if (kind === "value" || kind === "control") {
      const pieces = wrong ? part.split(wrong) : [part];
      pieces.forEach((piece, n) => children.push(span(piece, n % 2 ? "unknown" : kind)));
    } else {
      children.push(span(part, kind));
    }
  }
  children.push(document.createTextNode("\n\u200b"));
  behind.replaceChildren(...children);
}

function kindOf(part) {
  if (part.startsWith("{{")) return "value";
  if (part.startsWith("{%")) return "control";
  if (part.startsWith("{#")) return "remark";
  return /^# (system|user|assistant)[ \t]*$/.test(part) ? "heading" : "";
}

function span(text, kind) {
  const made = document.createElement("span");
  made.className = kind;
  made.textContent = text;
  return made;
}

const name = (reference) => `autograph-draft ${reference}`;

// A draft outlives a refresh in this tab; what is saved is no draft.
function remember(key, text, saved) {
  if (text === saved) return forget(key);
  keep(key, text);
}

// Each draft that was given up is forgotten once: somebody may write anew under its name.
function forgetOnce(forgotten) {
  const last = Number(recalled(FORGOTTEN_UP_TO) ?? 0);
  for (const [reference, at] of Object.entries(forgotten)) {
    if (at > last) forget(name(reference));
  }
  keep(FORGOTTEN_UP_TO, Math.max(last, ...Object.values(forgotten)));
}

function keep(key, text) {
  try {
    sessionStorage.setItem(key, text);
  } catch {
    // without storage a refresh forgets the draft
  }
}

function recalled(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

function forget(key) {
  try {
    sessionStorage.removeItem(key);
  } catch {
    // nothing was kept
  }
}
