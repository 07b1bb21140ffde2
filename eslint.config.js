import js from "@eslint/js";
import jsdoc from "eslint-plugin-jsdoc";
import globals from "globals";

// What other files, or ComfyUI, may call: documented with types.
const PUBLIC = [
  "ExportNamedDeclaration > FunctionDeclaration",
  "ExportNamedDeclaration > VariableDeclaration > VariableDeclarator > ArrowFunctionExpression",
  "ExportNamedDeclaration > ClassDeclaration > ClassBody > MethodDefinition[key.type='Identifier'][kind='method'] > *",
  "ExportNamedDeclaration > ClassDeclaration > ClassBody > MethodDefinition[kind='constructor'] > *",
];

export default [
  js.configs.recommended,
  {
    files: ["web/js/**/*.js"],
    plugins: { jsdoc },
    settings: { jsdoc: { mode: "typescript" } },
    languageOptions: { globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: ["error", "always", { null: "ignore" }],
      "max-lines": ["error", 400],
      "no-var": "error",
      "prefer-const": "error",
      "jsdoc/check-param-names": "error",
      "jsdoc/check-property-names": "error",
      "jsdoc/check-tag-names": "error",
      "jsdoc/check-types": "error",
      "jsdoc/require-jsdoc": [
        "error",
        { publicOnly: true, require: { ArrowFunctionExpression: true, ClassDeclaration: true, MethodDefinition: true } },
      ],
      "jsdoc/require-param": ["error", { contexts: PUBLIC, checkDestructured: false }],
      "jsdoc/require-param-type": "error",
      "jsdoc/require-returns": ["error", { contexts: PUBLIC }],
      "jsdoc/require-returns-type": "error",
      "jsdoc/valid-types": "error",
    },
  },
];
