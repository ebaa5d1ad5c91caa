#!/usr/bin/env node
import "../dist/walctl/main.js";
