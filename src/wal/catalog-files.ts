/**
 * The system catalogues' files as initdb creates them. Their relfilenode is their OID (catalog/pg_*.h), the same in 14
 * to 18, until a VACUUM FULL gives them another one, which is higher than all of these. Each line names a table, its
 * indexes, its TOAST table and that table's index.
 */
const FILES = `
826 pg_default_acl 827 pg_default_acl_role_nsp_obj_index 828 pg_default_acl_oid_index 4143 pg_toast_826 4144 pg_toast_826_index
1213 pg_tablespace 2697 pg_tablespace_oid_index 2698 pg_tablespace_spcname_index 4185 pg_toast_1213 4186 pg_toast_1213_index
1214 pg_shdepend 1232 pg_shdepend_depender_index 1233 pg_shdepend_reference_index
1247 pg_type 2703 pg_type_oid_index 2704 pg_type_typname_nsp_index 4171 pg_toast_1247 4172 pg_toast_1247_index
1249 pg_attribute 2658 pg_attribute_relid_attnam_index 2659 pg_attribute_relid_attnum_index
1255 pg_proc 2690 pg_proc_oid_index 2691 pg_proc_proname_args_nsp_index 2836 pg_toast_1255 2837 pg_toast_1255_index
1259 pg_class 2662 pg_class_oid_index 2663 pg_class_relname_nsp_index 3455 pg_class_tblspc_relfilenode_index
1260 pg_authid 2676 pg_authid_rolname_index 2677 pg_authid_oid_index 4175 pg_toast_1260 4176 pg_toast_1260_index
1261 pg_auth_members 2694 pg_auth_members_role_member_index 2695 pg_auth_members_member_role_index 6302 pg_auth_members_grantor_index 6303 pg_auth_members_oid_index
1262 pg_database 2671 pg_database_datname_index 2672 pg_database_oid_index 4177 pg_toast_1262 4178 pg_toast_1262_index
1417 pg_foreign_server 113 pg_foreign_server_oid_index 549 pg_foreign_server_name_index 4151 pg_toast_1417 4152 pg_toast_1417_index
1418 pg_user_mapping 174 pg_user_mapping_oid_index 175 pg_user_mapping_user_server_index 4173 pg_toast_1418 4174 pg_toast_1418_index
2224 pg_sequence 5002 pg_sequence_seqrelid_index
2328 pg_foreign_data_wrapper 112 pg_foreign_data_wrapper_oid_index 548 pg_foreign_data_wrapper_name_index 4149 pg_toast_2328 4150 pg_toast_2328_index
2396 pg_shdescription 2397 pg_shdescription_o_c_index 2846 pg_toast_2396 2847 pg_toast_2396_index
2600 pg_aggregate 2650 pg_aggregate_fnoid_index 4159 pg_toast_2600 4160 pg_toast_2600_index
2601 pg_am 2651 pg_am_name_index 2652 pg_am_oid_index
2602 pg_amop 2653 pg_amop_fam_strat_index 2654 pg_amop_opr_fam_index 2756 pg_amop_oid_index
2603 pg_amproc 2655 pg_amproc_fam_proc_index 2757 pg_amproc_oid_index
2604 pg_attrdef 2656 pg_attrdef_adrelid_adnum_index 2657 pg_attrdef_oid_index 2830 pg_toast_2604 2831 pg_toast_2604_index
2605 pg_cast 2660 pg_cast_oid_index 2661 pg_cast_source_target_index
2606 pg_constraint 2579 pg_constraint_conparentid_index 2664 pg_constraint_conname_nsp_index 2665 pg_constraint_conrelid_contypid_conname_index 2666 pg_constraint_contypid_index 2667 pg_constraint_oid_index 2832 pg_toast_2606 2833 pg_toast_2606_index
2607 pg_conversion 2668 pg_conversion_default_index 2669 pg_conversion_name_nsp_index 2670 pg_conversion_oid_index
2608 pg_depend 2673 pg_depend_depender_index 2674 pg_depend_reference_index
2609 pg_description 2675 pg_description_o_c_o_index 2834 pg_toast_2609 2835 pg_toast_2609_index
2610 pg_index 2678 pg_index_indrelid_index 2679 pg_index_indexrelid_index 6351 pg_toast_2610 6352 pg_toast_2610_index
2611 pg_inherits 2187 pg_inherits_parent_index 2680 pg_inherits_relid_seqno_index
2612 pg_language 2681 pg_language_name_index 2682 pg_language_oid_index 4157 pg_toast_2612 4158 pg_toast_2612_index
2613 pg_largeobject 2683 pg_largeobject_loid_pn_index
2615 pg_namespace 2684 pg_namespace_nspname_index 2685 pg_namespace_oid_index 4163 pg_toast_2615 4164 pg_toast_2615_index
2616 pg_opclass 2686 pg_opclass_am_name_nsp_index 2687 pg_opclass_oid_index
2617 pg_operator 2688 pg_operator_oid_index 2689 pg_operator_oprname_l_r_n_index
2618 pg_rewrite 2692 pg_rewrite_oid_index 2693 pg_rewrite_rel_rulename_index 2838 pg_toast_2618 2839 pg_toast_2618_index
2619 pg_statistic 2696 pg_statistic_relid_att_inh_index 2840 pg_toast_2619 2841 pg_toast_2619_index
2620 pg_trigger 2336 pg_toast_2620 2337 pg_toast_2620_index 2699 pg_trigger_tgconstraint_index 2701 pg_trigger_tgrelid_tgname_index 2702 pg_trigger_oid_index
2753 pg_opfamily 2754 pg_opfamily_am_name_nsp_index 2755 pg_opfamily_oid_index
2964 pg_db_role_setting 2965 pg_db_role_setting_databaseid_rol_index 2966 pg_toast_2964 2967 pg_toast_2964_index
2995 pg_largeobject_metadata 2996 pg_largeobject_metadata_oid_index
3079 pg_extension 3080 pg_extension_oid_index 3081 pg_extension_name_index 4147 pg_toast_3079 4148 pg_toast_3079_index
3118 pg_foreign_table 3119 pg_foreign_table_relid_index 4153 pg_toast_3118 4154 pg_toast_3118_index
3256 pg_policy 3257 pg_policy_oid_index 3258 pg_policy_polrelid_polname_index 4167 pg_toast_3256 4168 pg_toast_3256_index
3350 pg_partitioned_table 3351 pg_partitioned_table_partrelid_index 4165 pg_toast_3350 4166 pg_toast_3350_index
3381 pg_statistic_ext 3379 pg_statistic_ext_relid_index 3380 pg_statistic_ext_oid_index 3439 pg_toast_3381 3440 pg_toast_3381_index 3997 pg_statistic_ext_name_index
3394 pg_init_privs 3395 pg_init_privs_o_c_o_index 4155 pg_toast_3394 4156 pg_toast_3394_index
3429 pg_statistic_ext_data 3430 pg_toast_3429 3431 pg_toast_3429_index
3456 pg_collation 3085 pg_collation_oid_index 3164 pg_collation_name_enc_nsp_index 6175 pg_toast_3456 6176 pg_toast_3456_index
3466 pg_event_trigger 3467 pg_event_trigger_evtname_index 3468 pg_event_trigger_oid_index 4145 pg_toast_3466 4146 pg_toast_3466_index
3501 pg_enum 3502 pg_enum_oid_index 3503 pg_enum_typid_label_index 3534 pg_enum_typid_sortorder_index
3541 pg_range 2228 pg_range_rngmultitypid_index 3542 pg_range_rngtypid_index
3576 pg_transform 3574 pg_transform_oid_index 3575 pg_transform_type_lang_index
3592 pg_shseclabel 3593 pg_shseclabel_object_index 4060 pg_toast_3592 4061 pg_toast_3592_index
3596 pg_seclabel 3597 pg_seclabel_object_index 3598 pg_toast_3596 3599 pg_toast_3596_index
3600 pg_ts_dict 3604 pg_ts_dict_dictname_index 3605 pg_ts_dict_oid_index 4169 pg_toast_3600 4170 pg_toast_3600_index
3601 pg_ts_parser 3606 pg_ts_parser_prsname_index 3607 pg_ts_parser_oid_index
3602 pg_ts_config 3608 pg_ts_config_cfgname_index 3712 pg_ts_config_oid_index
3603 pg_ts_config_map 3609 pg_ts_config_map_index
3764 pg_ts_template 3766 pg_ts_template_tmplname_index 3767 pg_ts_template_oid_index
6000 pg_replication_origin 4181 pg_toast_6000 4182 pg_toast_6000_index 6001 pg_replication_origin_roiident_index 6002 pg_replication_origin_roname_index
6100 pg_subscription 4183 pg_toast_6100 4184 pg_toast_6100_index 6114 pg_subscription_oid_index 6115 pg_subscription_subname_index
6102 pg_subscription_rel 6117 pg_subscription_rel_srrelid_srsubid_index
6104 pg_publication 6110 pg_publication_oid_index 6111 pg_publication_pubname_index
6106 pg_publication_rel 6112 pg_publication_rel_oid_index 6113 pg_publication_rel_prrelid_prpubid_index 6116 pg_publication_rel_prpubid_index 6228 pg_toast_6106 6229 pg_toast_6106_index
6237 pg_publication_namespace 6238 pg_publication_namespace_oid_index 6239 pg_publication_namespace_pnnspid_pnpubid_index
6243 pg_parameter_acl 6244 pg_toast_6243 6245 pg_toast_6243_index 6246 pg_parameter_acl_parname_index 6247 pg_parameter_acl_oid_index
`;

export interface CatalogFile {
  readonly name: string;
  /** The table that it belongs to; undefined if it is a table itself. */
  readonly table: string | undefined;
}

let files: Map<number, CatalogFile> | undefined;

/** Undefined if it is not the number of a catalogue's first file. */
export function catalogFile(relfilenode: number): CatalogFile | undefined {
  files ??= parse();
  return files.get(relfilenode);
}

function parse(): Map<number, CatalogFile> {
  const found = new Map<number, CatalogFile>();
  for (const line of FILES.trim().split("\n")) {
    const words = line.split(" ");
    const [, table = ""] = words;
    for (let at = 0; at < words.length; at += 2) {
      const name = words[at + 1] ?? "";
      found.set(Number(words[at]), { name, table: at === 0 ? undefined : table });
    }
  }
  return found;
}
