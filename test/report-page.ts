/** What a reader of a page finds in it, gathered inside the browser: structure, contrast, overflow. */

export interface ReadPage {
  readonly scripts: number
  /** Levels of the headings in order. */
  readonly headings: readonly number[]
  readonly repeatedIds: readonly string[]
  readonly brokenLinks: readonly string[]
  readonly figures: number
  /** Figures without caption, and drawings without alternative text. */
  readonly figuresWithoutText: readonly string[]
  /** Control characters, which are left when a block was not numbered. */
  readonly marks: readonly string[]
  /** Texts that were looked at, and those with a contrast below 4.5. */
  readonly texts: number
  readonly faint: readonly string[]
  readonly pageWidth: number
  /** Elements that reach beyond the page's sides and are in no box that scrolls. */
  readonly overflowing: readonly string[]
  /** Formulas and tables that are wider than their box, which paper cannot scroll. */
  readonly cut: readonly string[]
  /** Formulas among them: they break where there is no room. */
  readonly cutFormulas: readonly string[]
  /** Texts of figures that are shown smaller than 11 pixels. */
  readonly smallText: readonly string[]
}

/** Runs inside the page, so it uses nothing from outside itself. */
export function readPage(): ReadPage {
  const all = (selector: string, root: ParentNode = document) => [...root.querySelectorAll(selector)]
  const isShown = (element: Element) => element.getClientRects().length > 0
  const excerpt = (element: Element) => `${element.tagName.toLowerCase()} “${(element.textContent ?? '').trim().slice(0, 60)}”`
  const ids = all('[id]').map(({ id }) => id)

  type Colour = readonly [r: number, g: number, b: number, alpha: number]
  const parse = (text: string): Colour => {
    const [r = 0, g = 0, b = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number)
    return text === 'transparent' ? [0, 0, 0, 0] : [r, g, b, alpha]
  }
  const over = (top: Colour, below: Colour): Colour => {
    const mix = (index: 0 | 1 | 2) => top[index] * top[3] + below[index] * (1 - top[3])
    return [mix(0), mix(1), mix(2), 1]
  }
  const luminance = ([r, g, b]: Colour) => {
    const linear = [r, g, b].map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4))
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
  }
  const contrast = (a: Colour, b: Colour) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x)
    return (light + 0.05) / (dark + 0.05)
  }
  const paper = parse(getComputedStyle(document.body).backgroundColor)
  /** What lies behind an element of the page: the first opaque background above it. */
  const backgroundOf = (element: Element): Colour => {
    const layers: Colour[] = []
    for (let node: Element | null = element; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor)
      if (colour[3] > 0) layers.push(colour)
      if (colour[3] === 1) break
    }
    return layers.reduceRight((below, layer) => over(layer, below), paper)
  }
  /** What lies behind a text of a figure: the boxes drawn before it that its middle is in. */
  const behindInFigure = (element: Element): Colour => {
    const { left, width, top, height } = element.getBoundingClientRect()
    const [x, y] = [left + width / 2, top + height / 2]
    const boxes = all('rect', element.closest('svg')!).filter((rect) => {
      const bounds = rect.getBoundingClientRect()
      const isBefore = (rect.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0
      return isBefore && x >= bounds.left && x <= bounds.right && y >= bounds.top && y <= bounds.bottom
    })
    return boxes.reduce<Colour>((below, rect) => {
      const { fill, fillOpacity } = getComputedStyle(rect)
      const [r, g, b] = parse(fill)
      return over([r, g, b, Number(fillOpacity)], below)
    }, paper)
  }
  const withText = all('body *').filter(
    (element) =>
      isShown(element) &&
      [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && (node.textContent ?? '').trim() !== ''),
  )
  const visible = withText.filter((element) => !element.closest('annotation, title, desc'))
  const faint = visible.flatMap((element) => {
    const isInFigure = element.closest('svg') !== null
    const style = getComputedStyle(element)
    const behind = isInFigure ? behindInFigure(element) : backgroundOf(element)
    const ratio = contrast(over(parse(isInFigure ? style.fill : style.color), behind), behind)
    return ratio < 4.5 ? [`${excerpt(element)}: ${ratio.toFixed(2)}`] : []
  })

  const right = document.documentElement.clientWidth
  const overflowing = all('body *').filter((element) => {
    if (!isShown(element) || element.closest('.scroll, .formula, annotation, math')) return false
    const bounds = element.getBoundingClientRect()
    return bounds.right > right + 1 || bounds.left < -1
  })
  const isCut = (element: Element) => isShown(element) && element.scrollWidth > element.clientWidth + 1
  const drawings = all('svg').filter(isShown)
  return {
    scripts: document.scripts.length,
    headings: all('h1, h2, h3, h4, h5, h6').map(({ tagName }) => Number(tagName[1])),
    repeatedIds: ids.filter((id, index) => ids.indexOf(id) !== index),
    brokenLinks: all('a')
      .map((link) => link.getAttribute('href') ?? '')
      .filter((href) => !href.startsWith('#') || document.getElementById(href.slice(1)) === null),
    figures: drawings.length,
    figuresWithoutText: [
      ...all('figure').filter((figure) => (figure.querySelector('figcaption')?.textContent ?? '').trim().length < 20),
      ...all('svg').filter((drawing) => {
        const texts = ['title', 'desc'].map((name) => (drawing.querySelector(`:scope > ${name}`)?.textContent ?? '').trim())
        return drawing.getAttribute('role') !== 'img' || texts.some((text) => text.length < 3)
      }),
    ].map(excerpt),
    // oxlint-disable-next-line no-control-regex -- these are the characters that must not be left
    marks: document.documentElement.outerHTML.match(/[\u0001-\u0003].{0,40}/g) ?? [],
    texts: visible.length,
    faint,
    pageWidth: document.documentElement.scrollWidth,
    overflowing: overflowing.map(excerpt),
    cut: all('.formula, .scroll').filter(isCut).map(excerpt),
    cutFormulas: all('.formula').filter(isCut).map(excerpt),
    smallText: all('svg text')
      .filter((text) => {
        // Text along a slope is turned, so its scale is the length of a column of the matrix.
        const { a, b } = (text as SVGGraphicsElement).getScreenCTM()!
        return isShown(text) && Math.hypot(a, b) * 12 < 11
      })
      .map(excerpt),
  }
}
