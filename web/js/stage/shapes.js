// The shapes of states: no state is told by its colour alone. Each function adds its shape to the
// open path, so that all tokens of a state are one path.

/** @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D | Path2D} Pen */

const TAU = 2 * Math.PI;

/** @param {Pen} pen @param {number} x @param {number} y @param {number} r */
export function circle(pen, x, y, r) {
  pen.moveTo(x + r, y);
  pen.arc(x, y, r, 0, TAU);
}

/** @param {Pen} pen @param {number} x @param {number} y @param {number} r */
export function triangle(pen, x, y, r) {
  pen.moveTo(x, y - r * 1.18);
  pen.lineTo(x + r * 1.12, y + r * 0.82);
  pen.lineTo(x - r * 1.12, y + r * 0.82);
  pen.closePath();
}

/** @param {Pen} pen @param {number} x @param {number} y @param {number} r */
export function square(pen, x, y, r) {
  pen.rect(x - r * 0.88, y - r * 0.88, r * 1.76, r * 1.76);
}

/** @param {Pen} pen @param {number} x @param {number} y @param {number} r */
export function tick(pen, x, y, r) {
  pen.moveTo(x - r * 0.45, y + r * 0.02);
  pen.lineTo(x - r * 0.1, y + r * 0.38);
  pen.lineTo(x + r * 0.48, y - r * 0.36);
}

/** @param {Pen} pen @param {number} x @param {number} y @param {number} r */
export function diamond(pen, x, y, r) {
  pen.moveTo(x, y - r * 1.2);
  pen.lineTo(x + r * 1.2, y);
  pen.lineTo(x, y + r * 1.2);
  pen.lineTo(x - r * 1.2, y);
  pen.closePath();
}

/** @param {Pen} pen @param {number} x @param {number} y @param {number} r */
export function cross(pen, x, y, r) {
  const d = r * 0.34;
  pen.moveTo(x - d, y - d);
  pen.lineTo(x + d, y + d);
  pen.moveTo(x + d, y - d);
  pen.lineTo(x - d, y + d);
}

/**
 * Adds the bar of a barred circle.
 * @param {Pen} pen
 * @param {number} x
 * @param {number} y
 * @param {number} r
 */
export function bar(pen, x, y, r) {
  const d = r * 0.66;
  pen.moveTo(x - d, y + d);
  pen.lineTo(x + d, y - d);
}

/**
 * Adds a part of a ring, from the top.
 * @param {Pen} pen
 * @param {number} x
 * @param {number} y
 * @param {number} r
 * @param {number} part
 */
export function arc(pen, x, y, r, part) {
  const from = -TAU / 4;
  pen.moveTo(x, y - r);
  pen.arc(x, y, r, from, from + TAU * Math.min(1, part));
}
