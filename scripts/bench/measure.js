// SPDX-License-Identifier: GPL-2.0
// Measures the page once it is laid out, and stores the result in an attribute of the root element, for check.rs.
"use strict";
{
	const problems = [];
	const shown = { sections: [], figures: [], tables: 0, listings: 0 };
	const verdict = { width: 0, shown, problems, done: false };
	const leave = () => {
		document.documentElement.dataset.verdict = JSON.stringify(verdict);
	};
	const problem = (text) => {
		problems.push(text);
		leave();
	};
	addEventListener("error", (event) => problem(`script: ${event.message}`));
	addEventListener("unhandledrejection", (event) => problem(`script: ${event.reason}`));
	addEventListener("securitypolicyviolation", (event) => problem(`loads ${event.blockedURI}`));

	const isSeen = (element) => {
		const box = element.getBoundingClientRect();
		return box.width > 0 && box.height > 0;
	};
	const seen = (selector) => [...document.querySelectorAll(selector)].filter(isSeen);

	// Labels that are cut at the edge of their chart, and labels that overlap.
	const labels = (figure) => {
		const edge = figure.querySelector("svg").getBoundingClientRect();
		const texts = [...figure.querySelectorAll("text")].map((element) => ({
			text: element.textContent.trim(),
			box: element.getBoundingClientRect(),
		}));
		for (const { text, box } of texts) {
			if (box.left < edge.left - 1 || box.right > edge.right + 1 ||
			    box.top < edge.top - 1 || box.bottom > edge.bottom + 1) {
				problem(`${figure.id}: "${text}" is cut`);
			}
		}
		for (const [at, a] of texts.entries()) {
			for (const b of texts.slice(at + 1)) {
				const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
				const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
				if (across > 1 && down > 0.3 * Math.min(a.box.height, b.box.height)) {
					problem(`${figure.id}: "${a.text}" and "${b.text}" overlap`);
				}
			}
		}
	};

	// Letters differ in width in a font for text, and do not in a monospaced one.
	const fonts = () => {
		const context = document.createElement("canvas").getContext("2d");
		const width = (family, text) => {
			context.font = `20px ${family}`;
			return context.measureText(text).width;
		};
		if (document.fonts.status !== "loaded" || width("sans-serif", "iiii") >= width("sans-serif", "WWWW")) {
			problem("no font for text");
		}
		if (width("monospace", "iiii") === 0 || width("monospace", "iiii") !== width("monospace", "WWWW")) {
			problem("no font for listings");
		}
	};

	// Text that is shown on a click has to fit as well.
	const open = (isOpen) => {
		for (const element of document.querySelectorAll("details")) {
			element.open = isOpen;
		}
	};

	const measure = () => {
		open(true);
		const root = document.documentElement;
		verdict.width = innerWidth;
		shown.sections = seen("section").map((section) => section.id);
		shown.figures = seen("figure").filter((figure) => isSeen(figure.querySelector("svg")))
			.map((figure) => figure.id);
		shown.tables = seen("table").length;
		shown.listings = seen("details").filter((element) => [...element.querySelectorAll("pre")].every(isSeen))
			.length;
		if (root.scrollWidth > root.clientWidth) {
			problem(`${root.scrollWidth - root.clientWidth} pixels wider than the window`);
		}
		open(false);
		for (const link of document.querySelectorAll("nav a")) {
			if (!document.getElementById(link.hash.slice(1))) {
				problem(`the link to "${link.textContent}" leads nowhere`);
			}
		}
		fonts();
		document.querySelectorAll("figure").forEach(labels);
		verdict.done = true;
		leave();
	};
	addEventListener("load", () => document.fonts.ready.then(measure).catch((error) => problem(`script: ${error}`)));
}
