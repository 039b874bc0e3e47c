-- The book's one pandoc filter: language divs, numbers and captions, cross-references, callouts, cells.
-- `-M kosae=FILE` names a JSON file; its "mode" is "scan" (list what a page defines and cites, into "out"),
-- "html" or "typst". pipeline/build.py writes the file and gives the numbers.
local S
local XREF = { fig = true, tbl = true, sec = true, eq = true }
local CALLOUTS = { note = true, tip = true, warning = true, important = true, caution = true }
local str = pandoc.utils.stringify

local function xref_kind(id)
  local kind = id:match("^(%a+)%-")
  return XREF[kind] and kind or nil
end

local function raw(text) return pandoc.RawBlock("typst", text) end
local function html(text) return pandoc.RawBlock("html", text) end
local function typst_string(text) return '"' .. text:gsub("\\", "\\\\"):gsub('"', '\\"'):gsub("\n", " ") .. '"' end

local function typst_inlines(inlines)
  local text = pandoc.write(pandoc.Pandoc { pandoc.Plain(inlines) }, "typst-citations-smart")
  return (text:gsub("%s+$", ""))
end

-- A display equation's label is the word after it: $$...$$ {#eq-x}
local function equation_label(inlines, i)
  if not (inlines[i].t == "Math" and inlines[i].mathtype == "DisplayMath") then return nil end
  local j = i + 1
  while inlines[j] and (inlines[j].t == "Space" or inlines[j].t == "SoftBreak") do j = j + 1 end
  if inlines[j] and inlines[j].t == "Str" then
    local id, rest = inlines[j].text:match("^{#(eq%-[%w_-]+)}(.*)$")
    return id, j, rest
  end
end

-- ::: {.content-visible when-profile="ko"} is for the welcome page alone.
local language_divs = {
  Div = function(div)
    local profile = div.attributes["when-profile"]
    if not profile then return nil end
    local keep = (profile == S.lang) == div.classes:includes("content-visible")
    return keep and div.content or {}
  end,
}

-- A callout's title is not a section: it has no number and no place in the contents.
local callout_titles = {
  Div = function(div)
    local first = div.content[1]
    if #div.classes > 0 and div.classes[1]:match("^callout%-") and first and first.t == "Header" then
      div.attributes.title = str(first.content)
      div.content:remove(1)
      return div
    end
  end,
}

local function scan(doc)
  local found = { entries = {}, cites = {}, images = {}, links = {} }
  local function add(list, value) list[#list + 1] = value end
  doc.blocks:walk {
    traverse = "topdown",
    Header = function(h)
      add(found.entries, { id = h.identifier, kind = "sec", level = h.level, title = str(h.content),
                           unnumbered = h.classes:includes("unnumbered") })
    end,
    Div = function(d)
      local kind = xref_kind(d.identifier)
      if kind then add(found.entries, { id = d.identifier, kind = kind }) end
    end,
    Figure = function(f) if xref_kind(f.identifier) then add(found.entries, { id = f.identifier, kind = "fig" }) end end,
    Table = function(t) if xref_kind(t.identifier) then add(found.entries, { id = t.identifier, kind = "tbl" }) end end,
    Inlines = function(inlines)
      for i = 1, #inlines do
        local id = equation_label(inlines, i)
        if id then add(found.entries, { id = id, kind = "eq" }) end
      end
    end,
    Cite = function(c) for _, x in ipairs(c.citations) do add(found.cites, x.id) end end,
    Image = function(i) add(found.images, { src = i.src, alt = i.attributes["fig-alt"] or str(i.caption) }) end,
    Link = function(l) add(found.links, l.target) end,
  }
  local file = assert(io.open(S.out, "w"))
  file:write(pandoc.json.encode(found))
  file:close()
end

local function reference(target, text)
  if S.mode == "typst" then
    return pandoc.RawInline("typst", "#link(<" .. target.id .. ">)[" .. text .. "]")
  end
  return pandoc.Link({ pandoc.Str(text) }, target.href, "", pandoc.Attr("", { "xref" }))
end

local inline_filter = {
  Cite = function(cite)
    if not xref_kind(cite.citations[1].id) then return nil end
    local out = pandoc.Inlines {}
    for i, c in ipairs(cite.citations) do
      local target = S.index[c.id]
      if not target then return nil end
      if i > 1 then out:insert(pandoc.Str(", ")) end
      local bare = c.mode == "SuppressAuthor" or #c.prefix > 0
      if #c.prefix > 0 then out:extend(c.prefix); out:insert(pandoc.Space()) end
      out:insert(reference(target, bare and target.number or target.text))
      out:extend(c.suffix)
    end
    return out
  end,
  Inlines = function(inlines)
    local out, i, changed = pandoc.Inlines {}, 1, false
    while i <= #inlines do
      local id, j, rest = equation_label(inlines, i)
      if id then
        local number, math = S.index[id].number, inlines[i]
        changed = true
        if S.mode == "typst" then
          out:insert(pandoc.RawInline("typst", '#[#set math.equation(numbering: _ => "(' .. number .. ')", supplement: none)\n'))
          out:insert(math)
          out:insert(pandoc.RawInline("typst", " <" .. id .. ">]"))
        else
          local tag = pandoc.Span({ pandoc.Str("(" .. number .. ")") }, pandoc.Attr("", { "eq-number" }))
          out:insert(pandoc.Span({ math, tag }, pandoc.Attr(id, { "equation" })))
        end
        if rest ~= "" then out:insert(pandoc.Str(rest)) end
        i = j + 1
      elseif inlines[i].t == "Math" and inlines[i].mathtype == "DisplayMath" and S.mode == "html" then
        out:insert(pandoc.Span({ inlines[i] }, pandoc.Attr("", { "equation" })))
        i, changed = i + 1, true
      else
        out:insert(inlines[i])
        i = i + 1
      end
    end
    if changed then return out end
  end,
  -- A sentence that this run contradicts, and the remark that says so, are set apart in the PDF as on the site.
  Span = function(span)
    local mark = S.mode == "typst" and (span.classes:includes("claim-note") and "#text(fill: accent, 0.92em)["
      or span.classes:includes("claim-failed") and "#underline(stroke: 0.5pt + accent, offset: 2pt)[")
    if not mark then return nil end
    local out = pandoc.Inlines { pandoc.RawInline("typst", mark) }
    out:extend(span.content)
    out:insert(pandoc.RawInline("typst", "]"))
    return out
  end,
  Quoted = function(quoted)
    if S.mode ~= "typst" then return nil end
    local double = quoted.quotetype == "DoubleQuote"
    local out = pandoc.Inlines { pandoc.Str(double and "“" or "‘") }
    out:extend(quoted.content)
    out:insert(pandoc.Str(double and "”" or "’"))
    return out
  end,
  Image = function(image)
    local alt = image.attributes["fig-alt"] or str(image.caption)
    image.attributes["fig-alt"] = nil
    image.src = S.images[image.src] or image.src
    if S.mode == "typst" then
      local width = image.attributes.width and "width: " .. image.attributes.width .. ", " or ""
      return pandoc.RawInline("typst", "#picture(" .. typst_string(image.src) .. ", " .. width .. "alt: " .. typst_string(alt) .. ")")
    end
    image.caption = {}
    image.attributes.alt = alt
    return image
  end,
  Link = function(link)
    if S.mode == "typst" and link.target:match("^[%w-]+%.pdf$") then return link.content end -- the PDF itself
    local page, anchor = link.target:match("^([^:#]+%.i?[pq][ym][nd]b?)(#?.*)$")
    if page then
      local target = S.pages[page:gsub("^%./", "")]
      if target and S.mode == "typst" then
        return pandoc.RawInline("typst", "#link(<" .. (anchor ~= "" and anchor:sub(2) or target.id) .. ">)[" .. typst_inlines(link.content) .. "]")
      elseif target then
        link.target = target.href .. anchor
        return link
      end
    end
  end,
}

local function caption_of(blocks)
  local last = blocks[#blocks]
  if last and (last.t == "Para" or last.t == "Plain") and not last.content:find_if(function(x) return x.t == "Image" end) then
    blocks:remove(#blocks)
    return last.content
  end
  return pandoc.Inlines {}
end

local function is_picture(inline)
  return inline.t == "Image" or (inline.t == "RawInline" and inline.text:match("^#picture"))
end

-- Whether a table is too long to be kept on one page: by its rows, or by its text where rows have many lines.
local function is_long(blocks)
  local rows = 0
  pandoc.Blocks(blocks):walk { Table = function(t) for _, body in ipairs(t.bodies) do rows = rows + #body.body end end }
  return rows > 16 or #str(blocks) > 2500
end

-- Labelled figures and tables; `caption` and `blocks` are already without references.
local function float(id, kind, caption, blocks)
  local target = S.index[id]
  if S.mode == "typst" then
    local out = pandoc.Blocks { raw("#float(" .. (kind == "tbl" and "table" or "image") .. ", [" .. S.words[kind] .. "], \"" ..
      target.number .. "\", [" .. typst_inlines(caption) .. "], long: " .. tostring(is_long(blocks)) .. ")[") }
    out:extend(blocks)
    out:insert(raw("] <" .. id .. ">\n"))
    return out
  end
  local label = pandoc.Span({ pandoc.Str(target.text) }, pandoc.Attr("", { "float-number" }))
  local words = pandoc.Inlines { label, pandoc.Space() }
  words:extend(caption)
  local inner = pandoc.Blocks {}
  local figcaption = pandoc.Blocks { html("<figcaption>"), pandoc.Plain(words), html("</figcaption>") }
  if kind == "tbl" then inner:extend(figcaption) end
  inner:extend(blocks)
  if kind ~= "tbl" then inner:extend(figcaption) end
  inner:insert(1, html('<figure id="' .. id .. '" class="' .. kind .. '">'))
  inner:insert(html("</figure>"))
  return inner
end

local function wrap_table(tbl)
  if S.mode == "typst" then return pandoc.Blocks { tbl } end
  return pandoc.Blocks { pandoc.Div({ tbl }, pandoc.Attr("", { "table-wrap" }, { tabindex = "0" })) }
end

local blocks_filter

local function callout(div, kind)
  local title = div.attributes.title or S.words[kind]
  local blocks = div.content:walk(blocks_filter)
  if S.mode == "typst" then
    local out = pandoc.Blocks { raw('#callout("' .. kind .. '", ' .. typst_string(title) .. ")[") }
    out:extend(blocks)
    out:insert(raw("]"))
    return out
  end
  blocks:insert(1, pandoc.Div({ pandoc.Plain(title) }, pandoc.Attr("", { "callout-title" })))
  return pandoc.Div(blocks, pandoc.Attr(div.identifier, { "callout", "callout-" .. kind }, { role = "note" }))
end

local function line_count(block) return select(2, block.text:gsub("\n", "")) + 1 end

-- What only keeps numbers for the prose: a cell that starts with results.record or results.claim.
local function keeps_books(block) return block.text:match("^results%.[rc]") ~= nil end

-- A class that a chapter writes is what its text is about, not a means: it is printed, and open on the site.
local function is_the_point(block) return block.text:match("^class ") ~= nil end

-- Code cells in a row: folded together on the site; in the PDF only a short row is printed.
local function cell_run(div)
  local shown, points, texts, total = pandoc.Blocks {}, pandoc.Blocks {}, {}, 0
  for _, block in ipairs(div.content) do
    texts[#texts + 1] = block.text
    if is_the_point(block) then
      points:insert(block)
      shown:insert(block)
    elseif not (block.classes:includes("drawing") or keeps_books(block)) then
      total = total + line_count(block)
      shown:insert(block)
    end
  end
  if total > S.pdf_code_lines then shown = points end
  if S.mode == "typst" then
    if #shown == 0 then return {} end
    local out = pandoc.Blocks { raw("#codecell[") }
    out:extend(shown)
    out:insert(raw("]"))
    return out
  end
  local code = pandoc.CodeBlock(table.concat(texts, "\n\n"), pandoc.Attr("", { "python" }))
  local open = #points > 0 and " open" or ""
  return { html('<details class="code"' .. open .. "><summary>" .. S.words.code .. "</summary>"), code, html("</details>") }
end

blocks_filter = {
  traverse = "topdown",
  Header = function(h)
    local number = S.numbers[h.identifier]
    if S.mode == "typst" then
      if not number and h.level <= 2 and not h.classes:includes("unnumbered") then h.classes:insert("unnumbered") end
    elseif number then
      h.content:insert(1, pandoc.Space())
      h.content:insert(1, pandoc.Span({ pandoc.Str(number) }, pandoc.Attr("", { "section-number" })))
    end
    return h
  end,
  Div = function(div)
    if div.classes:includes("cell-run") then return cell_run(div), false end
    for _, class in ipairs(div.classes) do
      local kind = class:match("^callout%-(%a+)$")
      if kind and CALLOUTS[kind] then return callout(div, kind), false end
    end
    local kind = xref_kind(div.identifier)
    if kind == "fig" or kind == "tbl" then
      local blocks = div.content
      local caption = caption_of(blocks)
      return float(div.identifier, kind, caption, blocks:walk(blocks_filter)), false
    end
    if div.identifier == "refs" then
      if #div.content == 0 then return {}, false end
      local title = S.mode == "typst" and raw("#heading(level: 1, numbering: none)[" .. S.words.references .. "] <sec-references>")
        or html('<h2 id="references">' .. S.words.references .. "</h2>")
      return { title, div }, false
    end
  end,
  Figure = function(figure)
    if xref_kind(figure.identifier) then
      local caption = figure.caption.long[1] and figure.caption.long[1].content or pandoc.Inlines {}
      return float(figure.identifier, "fig", caption, figure.content), false
    end
  end,
  Table = function(tbl)
    if xref_kind(tbl.identifier) then
      local id = tbl.identifier
      local caption = tbl.caption.long[1] and tbl.caption.long[1].content or pandoc.Inlines {}
      tbl.identifier, tbl.caption = "", pandoc.Caption {}
      return float(id, "tbl", caption, wrap_table(tbl)), false
    end
    return wrap_table(tbl), false
  end,
  Para = function(para)
    if #para.content == 1 and is_picture(para.content[1]) and S.mode == "typst" then
      return { raw("#align(center)["), pandoc.Plain(para.content), raw("]") }
    end
  end,
  CodeBlock = function(block)
    if S.mode == "typst" and block.classes:includes("output") then
      return { raw("#textoutput["), block, raw("]") }, false
    end
  end,
  RawBlock = function(block)
    if block.format:match("html") and S.mode == "typst" then return pandoc.read(block.text, "html").blocks end
  end,
}

function Pandoc(doc)
  local file = assert(io.open(str(doc.meta.kosae)))
  S = pandoc.json.decode(file:read("a"), false)
  file:close()
  doc.meta.kosae = nil
  if S.mode == "scan" then
    doc.blocks = doc.blocks:walk(language_divs):walk(callout_titles)
    scan(doc)
    return doc
  end
  doc.blocks = doc.blocks:walk(inline_filter)
  doc = pandoc.utils.citeproc(doc)
  doc.blocks = doc.blocks:walk(blocks_filter)
  return doc
end
